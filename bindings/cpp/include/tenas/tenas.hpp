/*
 * tenas.hpp - libtenas for C++17
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Everything of tenas.h, which says what each call does; here is how it looks from C++:
 *
 * - Objects (Config, Dataset, Context, Network, Benchmark) free themselves. They move, and do not copy. One
 *   that was moved from takes no call but assignment and destruction: others throw
 *   Status::null_pointer.
 * - A call that fails throws tenas::Error, with the library's message and its Status. A lookup that
 *   finds nothing gives std::nullopt.
 * - Texts are std::string, UTF-8, paths too. A text with a NUL inside is refused.
 * - Callbacks are std::function, and may throw: the call that they were called from stops, as if it
 *   had been cancelled, and throws that exception to its own caller. Calls of C functions of your
 *   own on these objects know nothing of that, and give a plain status.
 * - get() is the object for calls of tenas.h, release() hands it over.
 *
 * The first call checks that the library that is loaded has the ABI of this header.
 *
 *     tenas::Config config(tenas::Space::nas_bench_201, tenas::DatasetKind::cifar10);
 *     auto images = tenas::Dataset::open(tenas::DatasetKind::cifar10, "cifar-10-batches-bin");
 *     tenas::Context search(config, images);
 *     search.run();
 *     std::cout << search.genotype() << '\n';
 */

#ifndef TENAS_TENAS_HPP
#define TENAS_TENAS_HPP

#include <tenas.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace tenas {

// ---- Enums: those of tenas.h ----

/** What a call came to. */
enum class Status : std::int32_t {
    ok = TENAS_OK,
    null_pointer = TENAS_ERROR_NULL_POINTER,
    invalid_argument = TENAS_ERROR_INVALID_ARGUMENT,
    invalid_state = TENAS_ERROR_INVALID_STATE,
    io = TENAS_ERROR_IO,
    format = TENAS_ERROR_FORMAT,
    device = TENAS_ERROR_DEVICE,
    busy = TENAS_ERROR_BUSY,
    cancelled = TENAS_ERROR_CANCELLED,
    buffer_too_small = TENAS_ERROR_BUFFER_TOO_SMALL,
    out_of_memory = TENAS_ERROR_OUT_OF_MEMORY,
    not_found = TENAS_ERROR_NOT_FOUND,
    internal = TENAS_ERROR_INTERNAL,
};

/** What is searched. */
enum class Space : std::int32_t {
    nas_bench_201 = TENAS_SPACE_NAS_BENCH_201,
    darts = TENAS_SPACE_DARTS,
};

/** Data sets that presets are published for, and custom for images of your own. */
enum class DatasetKind : std::int32_t {
    cifar10 = TENAS_DATASET_CIFAR10,
    cifar100 = TENAS_DATASET_CIFAR100,
    imagenet16_120 = TENAS_DATASET_IMAGENET16_120,
    imagenet = TENAS_DATASET_IMAGENET,
    custom = TENAS_DATASET_CUSTOM,
};

/** How the weights of a network are initialised. */
enum class Init : std::int32_t {
    kaiming_normal = TENAS_INIT_KAIMING_NORMAL,
    torch_default = TENAS_INIT_TORCH_DEFAULT,
};

/** With which weights networks are scored: drawn anew for each repeat, or their own. */
enum class NetworkWeights : std::int32_t {
    fresh = TENAS_NETWORK_WEIGHTS_FRESH,
    kept = TENAS_NETWORK_WEIGHTS_KEPT,
};

/** How candidates draw their weights and images. */
enum class Sampling : std::int32_t {
    common = TENAS_SAMPLING_COMMON,
    independent = TENAS_SAMPLING_INDEPENDENT,
};

/** How a space is searched: a supernet loses operations, or architectures are ranked. */
enum class Strategy : std::int32_t {
    prune = TENAS_STRATEGY_PRUNE,
    rank = TENAS_STRATEGY_RANK,
};

/** How the ranks by several scores become one number: sums of log(rank / m), or of ranks. */
enum class Aggregation : std::int32_t {
    log_ranks = TENAS_AGGREGATION_LOG_RANKS,
    ranks = TENAS_AGGREGATION_RANKS,
};

/** Which values of a score are better. */
enum class Direction : std::int32_t {
    higher = TENAS_DIRECTION_HIGHER,
    lower = TENAS_DIRECTION_LOWER,
};

/** What a score costs: nothing but counting, forward passes, or reverse passes too. */
enum class ProxyCost : std::int32_t {
    count = TENAS_PROXY_COST_COUNT,
    forward = TENAS_PROXY_COST_FORWARD,
    reverse = TENAS_PROXY_COST_REVERSE,
};

/** Where a search computes. ("automatic" is TENAS_DEVICE_AUTO: auto is a keyword.) */
enum class Device : std::int32_t {
    automatic = TENAS_DEVICE_AUTO,
    cpu = TENAS_DEVICE_CPU,
    cuda = TENAS_DEVICE_CUDA,
    torch_cpu = TENAS_DEVICE_TORCH_CPU,
};

/** How a genotype is written. */
enum class GenotypeFormat : std::int32_t {
    native = TENAS_GENOTYPE_NATIVE,
    json = TENAS_GENOTYPE_JSON,
};

/** What kind of values a parameter has. */
enum class ParameterType : std::int32_t {
    uint32 = TENAS_PARAMETER_UINT32,
    uint64 = TENAS_PARAMETER_UINT64,
    choice = TENAS_PARAMETER_CHOICE,
};

/** How much a line of the log matters. */
enum class LogLevel : std::int32_t {
    error = TENAS_LOG_ERROR,
    warning = TENAS_LOG_WARNING,
    info = TENAS_LOG_INFO,
    debug = TENAS_LOG_DEBUG,
};

/** The name that tenas.h has: "TENAS_ERROR_IO"; "unknown status" for what is none. */
inline std::string to_string(Status status)
{
    return tenas_status_name(static_cast<std::int32_t>(status));
}

/** "nas-bench-201" or "darts"; "unknown" for what is none, as for all enums below. */
inline std::string to_string(Space space)
{
    const char *name = nullptr;
    return tenas_space_name(static_cast<std::int32_t>(space), &name) == TENAS_OK ? name : "unknown";
}

/** The name in a configuration's JSON. */
inline std::string to_string(DatasetKind kind)
{
    switch (kind) {
    case DatasetKind::cifar10: return "cifar10";
    case DatasetKind::cifar100: return "cifar100";
    case DatasetKind::imagenet16_120: return "ImageNet16-120";
    case DatasetKind::imagenet: return "imagenet-1k";
    case DatasetKind::custom: return "custom";
    }
    return "unknown";
}

/** The name in a configuration's JSON. */
inline std::string to_string(Init init)
{
    switch (init) {
    case Init::kaiming_normal: return "kaiming_normal";
    case Init::torch_default: return "torch_default";
    }
    return "unknown";
}

/** The name in a configuration's JSON. */
inline std::string to_string(Sampling sampling)
{
    switch (sampling) {
    case Sampling::common: return "common";
    case Sampling::independent: return "independent";
    }
    return "unknown";
}

/** The name in a configuration's JSON. */
inline std::string to_string(Strategy strategy)
{
    switch (strategy) {
    case Strategy::prune: return "prune";
    case Strategy::rank: return "rank";
    }
    return "unknown";
}

/** The name in a configuration's JSON. */
inline std::string to_string(Aggregation aggregation)
{
    switch (aggregation) {
    case Aggregation::log_ranks: return "log_ranks";
    case Aggregation::ranks: return "ranks";
    }
    return "unknown";
}

inline std::string to_string(Direction direction)
{
    switch (direction) {
    case Direction::higher: return "higher";
    case Direction::lower: return "lower";
    }
    return "unknown";
}

inline std::string to_string(ProxyCost cost)
{
    switch (cost) {
    case ProxyCost::count: return "count";
    case ProxyCost::forward: return "forward";
    case ProxyCost::reverse: return "reverse";
    }
    return "unknown";
}

/** The name in a configuration's JSON. */
inline std::string to_string(Device device)
{
    switch (device) {
    case Device::automatic: return "auto";
    case Device::cpu: return "cpu";
    case Device::cuda: return "cuda";
    case Device::torch_cpu: return "torch-cpu";
    }
    return "unknown";
}

inline std::string to_string(GenotypeFormat format)
{
    switch (format) {
    case GenotypeFormat::native: return "native";
    case GenotypeFormat::json: return "json";
    }
    return "unknown";
}

inline std::string to_string(ParameterType type)
{
    switch (type) {
    case ParameterType::uint32: return "uint32";
    case ParameterType::uint64: return "uint64";
    case ParameterType::choice: return "choice";
    }
    return "unknown";
}

inline std::string to_string(LogLevel level)
{
    switch (level) {
    case LogLevel::error: return "error";
    case LogLevel::warning: return "warning";
    case LogLevel::info: return "info";
    case LogLevel::debug: return "debug";
    }
    return "unknown";
}

// ---- Errors ----

/** A call that failed. what() names the function, what was found and what was expected. */
class Error : public std::runtime_error {
public:
    Error(Status code, const std::string &message) : std::runtime_error(message), code_(code) {}

    /** The kind of failure. */
    Status code() const noexcept { return code_; }

private:
    Status code_;
};

/** Seconds, as the library counts them. Any std::chrono duration converts to it. */
using Seconds = std::chrono::duration<double>;

// ---- Plumbing ----

namespace detail {

/** Throws unless the library has the ABI that the header was written for. */
inline void check_abi(std::uint32_t header, std::uint32_t library)
{
    if (header != library)
        throw Error(Status::invalid_state,
                    "tenas.hpp: found a library of ABI version " + std::to_string(library) + " ("
                        + tenas_version() + "), expected ABI version " + std::to_string(header)
                        + " (" TENAS_VERSION "): compile with the header of the library");
}

/**
 * A call in progress on this thread, to which its callbacks hand the exceptions that must not pass
 * through the library. Calls nest: a callback may call the library.
 */
class Call {
public:
    Call() : outer_(current())
    {
        static const bool abi = (check_abi(TENAS_ABI_VERSION, tenas_abi_version()), true);
        static_cast<void>(abi);
        current() = this;
    }
    ~Call() { current() = outer_; }
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;

    /**
     * Calls a host's function. Whether it returned normally; if not, the call keeps its exception,
     * and calls no other function of the host.
     */
    template <class Function> static bool host(Function &&function) noexcept
    {
        Call *call = current();
        if (call != nullptr && call->exception_)
            return false;
        try {
            function();
            return true;
        } catch (...) {
            if (call != nullptr)
                call->exception_ = std::current_exception();
            return false;
        }
    }

    /** For callbacks that cannot say "stop" by what they return. */
    static void cancel(tenas_context *context) noexcept
    {
        tenas_context_cancel(context);
        if (current() != nullptr)
            current()->cancelled_ = context;
    }

    /** Throws what a callback threw; else returns the status. */
    tenas_status end(tenas_status status)
    {
        if (!exception_)
            return status;
        // The request to cancel was for this call alone.
        if (cancelled_ != nullptr && status != TENAS_ERROR_CANCELLED)
            tenas_context_clear_cancel(cancelled_);
        std::rethrow_exception(exception_);
    }

private:
    static Call *&current() noexcept
    {
        static thread_local Call *call = nullptr;
        return call;
    }

    Call *outer_;
    std::exception_ptr exception_;
    tenas_context *cancelled_ = nullptr;
};

inline void check(tenas_status status)
{
    if (status != TENAS_OK)
        throw Error(static_cast<Status>(status), tenas_last_error_message());
}

/** The status of a call of the library. Throws what its callbacks throw. */
template <class Function> tenas_status status_of(Function &&function)
{
    Call call;
    return call.end(function());
}

/** A call of the library that must succeed. */
template <class Function> void call(Function &&function)
{
    check(status_of(function));
}

/** A value that a call sets. */
template <class T, class Function> T value(Function &&function)
{
    T out{};
    call([&] { return function(&out); });
    return out;
}

/** A value that a call may not find. */
template <class T, class Function> std::optional<T> found(Function &&function)
{
    T out{};
    const tenas_status status = status_of([&] { return function(&out); });
    if (status == TENAS_ERROR_NOT_FOUND)
        return std::nullopt;
    check(status);
    return out;
}

/** A struct that a call fills in. */
template <class T, class Function> T filled(Function &&function)
{
    T out{};
    out.struct_size = sizeof out;
    call([&] { return function(&out); });
    return out;
}

/** An array that a call writes, whose length it tells when asked without one. */
template <class T, class Function> std::vector<T> array(Function &&function)
{
    std::vector<T> out;
    std::size_t count = 0;
    call([&] { return function(nullptr, std::size_t{0}, &count); });
    for (;;) {
        out.resize(count);
        const tenas_status status =
            status_of([&] { return function(out.empty() ? nullptr : out.data(), out.size(), &count); });
        // It may have grown in between: another thread may be using the object.
        if (status == TENAS_ERROR_BUFFER_TOO_SMALL && count > out.size())
            continue;
        check(status);
        out.resize(count);
        return out;
    }
}

/** A text that a call writes; its length does not count the NUL. */
template <class Function> std::string text(Function &&function)
{
    const std::vector<char> out =
        array<char>([&](char *buffer, std::size_t capacity, std::size_t *length) {
            const tenas_status status = function(buffer, capacity, length);
            *length += 1;
            return status;
        });
    return std::string(out.data());
}

/** A text for the library, which ends at its NUL. */
inline const char *c_string(const std::string &text)
{
    const std::string::size_type nul = text.find('\0');
    if (nul != std::string::npos)
        throw Error(Status::invalid_argument, "tenas.hpp: found a text with a NUL at byte "
                                                  + std::to_string(nul) + ", expected none");
    return text.c_str();
}

template <class Enum> std::int32_t number(Enum value) noexcept
{
    return static_cast<std::int32_t>(value);
}

/** What owns an object of the library. */
template <class T, void (*Free)(T *)> class Handle {
public:
    /** The object, for calls of tenas.h; null once moved from. It stays this one's. */
    T *get() const noexcept { return handle_.get(); }

    /** Hands the object over: free it with its function of tenas.h. */
    T *release() noexcept { return handle_.release(); }

protected:
    explicit Handle(T *owned) noexcept : handle_(owned) {}

    void reset() noexcept { handle_.reset(); }

    /** The object that a call makes. */
    template <class Function> static T *made(Function &&function)
    {
        T *out = nullptr;
        Call call;
        const tenas_status status = function(&out);
        Handle owned(out); // frees it if a callback has thrown
        check(call.end(status));
        return owned.release();
    }

private:
    struct Deleter {
        void operator()(T *handle) const noexcept { Free(handle); }
    };
    std::unique_ptr<T, Deleter> handle_;
};

} // namespace detail

// ---- Version and build ----

/** The version of the library that is loaded, for example "0.1.0". */
inline std::string version()
{
    return tenas_version();
}

/** The ABI version of the library that is loaded; this header is for TENAS_ABI_VERSION. */
inline std::uint32_t abi_version() noexcept
{
    return tenas_abi_version();
}

/** The message of this thread's last failed call; empty if none has failed. */
inline std::string last_error_message()
{
    return tenas_last_error_message();
}

/** What this build can do on this machine, as JSON: tenas_build_info. */
inline std::string build_info()
{
    return detail::text([](char *buffer, std::size_t capacity, std::size_t *length) {
        return tenas_build_info(buffer, capacity, length);
    });
}

// ---- Names of a space ----

/** "nas-bench-201" or "darts". Throws Status::invalid_argument for what is no space. */
inline std::string space_name(Space space)
{
    return detail::value<const char *>(
        [&](const char **out) { return tenas_space_name(detail::number(space), out); });
}

/** The name of a kind of cell, from 0. Throws Status::invalid_argument if there is none. */
inline std::string space_cell_name(Space space, std::uint32_t cell)
{
    return detail::value<const char *>(
        [&](const char **out) { return tenas_space_cell_name(detail::number(space), cell, out); });
}

/** The name of an edge, from 0: "1<-0". Throws Status::invalid_argument if there is none. */
inline std::string space_edge_name(Space space, std::uint32_t cell, std::uint32_t edge)
{
    return detail::value<const char *>([&](const char **out) {
        return tenas_space_edge_name(detail::number(space), cell, edge, out);
    });
}

/** The name of an operation, from 0. Throws Status::invalid_argument if there is none. */
inline std::string space_operation_name(Space space, std::uint32_t operation)
{
    return detail::value<const char *>([&](const char **out) {
        return tenas_space_operation_name(detail::number(space), operation, out);
    });
}

// ---- Parameters ----

/** A parameter of a configuration, as data. All values are whole numbers. */
struct Parameter {
    /** What Config::set_parameter takes. */
    std::string name;
    ParameterType type;
    /** Whether it decides what a search finds; if not, only where it computes and how fast. */
    bool decides;
    /** Value in the preset, smallest and largest value. */
    std::uint64_t preset, minimum, maximum;
    /** The names of a choice's values, from minimum on, with commas between; none for a number. */
    std::optional<std::string> choices;
};

/** How many parameters there are. */
inline std::size_t parameter_count()
{
    return detail::value<std::size_t>([](std::size_t *out) { return tenas_parameter_count(out); });
}

namespace detail {

inline Parameter parameter(const tenas_parameter &c)
{
    Parameter parameter{c.name, static_cast<ParameterType>(c.type), c.decides != 0, c.preset,
                        c.minimum, c.maximum, std::nullopt};
    if (c.choices != nullptr)
        parameter.choices = c.choices;
    return parameter;
}

} // namespace detail

/** A parameter, from 0, in the preset of a space for a data set. */
inline Parameter parameter_info(Space space, DatasetKind dataset, std::size_t index)
{
    return detail::parameter(detail::filled<tenas_parameter>([&](tenas_parameter *out) {
        return tenas_parameter_info(detail::number(space), detail::number(dataset), index, out);
    }));
}

/** All parameters. */
inline std::vector<Parameter> parameters(Space space, DatasetKind dataset)
{
    std::vector<Parameter> all;
    const std::size_t count = parameter_count();
    for (std::size_t index = 0; index < count; ++index)
        all.push_back(parameter_info(space, dataset, index));
    return all;
}

// ---- Search spaces ----

/**
 * A search space, built in or of one's own. It never changes. Cells, edges and operations count from 0;
 * a cell that it does not have throws Status::invalid_argument.
 */
class SearchSpace : public detail::Handle<tenas_search_space, tenas_search_space_free> {
public:
    /** One that is built in. */
    explicit SearchSpace(Space space)
        : SearchSpace(made([&](tenas_search_space **out) {
              return tenas_search_space_new(detail::number(space), out);
          }))
    {}

    /** Owns an object that tenas.h has made. */
    explicit SearchSpace(tenas_search_space *owned) noexcept : Handle(owned) {}

    /** The space of a space file's text. Throws Status::format. */
    static SearchSpace from_json(const std::string &json)
    {
        return SearchSpace(made([text = detail::c_string(json)](tenas_search_space **out) {
            return tenas_search_space_from_json(text, out);
        }));
    }

    /** The space of a space file. Throws Status::io, Status::format. */
    static SearchSpace open(const std::string &path)
    {
        return SearchSpace(made([text = detail::c_string(path)](tenas_search_space **out) {
            return tenas_search_space_open(text, out);
        }));
    }

    /** A space file's text. */
    std::string to_json() const
    {
        return text(tenas_search_space_to_json);
    }

    std::string name() const
    {
        return value<const char *>(tenas_search_space_name);
    }

    /** Tells spaces apart by all of their content. */
    std::uint64_t digest() const { return value<std::uint64_t>(tenas_search_space_digest); }

    /** Cells and groups of choices. */
    std::uint32_t cell_count() const
    {
        return value<std::uint32_t>(tenas_search_space_cell_count);
    }

    std::string cell_name(std::uint32_t cell) const
    {
        return value<const char *>(tenas_search_space_cell_name, cell);
    }

    std::uint32_t edge_count(std::uint32_t cell) const
    {
        return value<std::uint32_t>(tenas_search_space_edge_count, cell);
    }

    std::string edge_name(std::uint32_t cell, std::uint32_t edge) const
    {
        return value<const char *>(tenas_search_space_edge_name, cell, edge);
    }

    /** Operations of all edges together. */
    std::uint32_t operation_count() const
    {
        return value<std::uint32_t>(tenas_search_space_operation_count);
    }

    std::string operation_name(std::uint32_t operation) const
    {
        return value<const char *>(tenas_search_space_operation_name, operation);
    }

    /** Whether an edge offers an operation. */
    bool offers(std::uint32_t cell, std::uint32_t edge, std::uint32_t operation) const
    {
        return value<std::int32_t>(tenas_search_space_offers, cell, edge, operation) != 0;
    }

    /** A parameter, from 0, in the preset for a data set. */
    Parameter parameter_info(DatasetKind dataset, std::size_t index) const
    {
        return detail::parameter(detail::filled<tenas_parameter>([&](tenas_parameter *out) {
            return tenas_search_space_parameter_info(get(), detail::number(dataset), index, out);
        }));
    }

    // Architectures: what the functions genotype_... do for a Space.

    /** Throws Status::not_found for 2^64 or more. */
    std::uint64_t genotype_count() const
    {
        return value<std::uint64_t>(tenas_search_space_genotype_count);
    }

    std::string genotype_at(std::uint64_t index,
                            GenotypeFormat format = GenotypeFormat::native) const
    {
        return text(tenas_search_space_genotype_at, index, detail::number(format));
    }

    std::optional<std::uint64_t> genotype_index(const std::string &genotype) const
    {
        return detail::found<std::uint64_t>(
            [&, text = detail::c_string(genotype)](std::uint64_t *out) {
                return tenas_search_space_genotype_index(get(), text, out);
            });
    }

    std::string genotype_sample(std::uint64_t seed, std::uint64_t index,
                                GenotypeFormat format = GenotypeFormat::native) const
    {
        return text(tenas_search_space_genotype_sample, seed, index, detail::number(format));
    }

    /** A neighbour, one decision away, each as likely as any other; for more, count index up. */
    std::string genotype_mutate(const std::string &genotype, std::uint64_t seed,
                                std::uint64_t index,
                                GenotypeFormat format = GenotypeFormat::native) const
    {
        return text(tenas_search_space_genotype_mutate, detail::c_string(genotype), seed, index,
                    detail::number(format));
    }

    std::string genotype_convert(const std::string &genotype, GenotypeFormat format) const
    {
        return text(tenas_search_space_genotype_convert, detail::c_string(genotype),
                    detail::number(format));
    }

    std::string genotype_canonical(const std::string &genotype) const
    {
        return text(tenas_search_space_genotype_canonical, detail::c_string(genotype));
    }

    /** A drawing of an architecture's cells. Throws Status::format. */
    std::string genotype_svg(const std::string &genotype) const
    {
        return text(tenas_search_space_genotype_svg, detail::c_string(genotype));
    }

    /** An edge that the architecture lacks has UINT32_MAX in a space without an operation zero. */
    std::vector<std::uint32_t> genotype_to_operations(const std::string &genotype) const
    {
        const char *text = detail::c_string(genotype);
        return detail::array<std::uint32_t>(
            [&](std::uint32_t *operations, std::size_t capacity, std::size_t *count) {
                return tenas_search_space_genotype_to_operations(get(), text, operations, capacity,
                                                                 count);
            });
    }

    std::string genotype_from_operations(const std::vector<std::uint32_t> &operations,
                                         GenotypeFormat format = GenotypeFormat::native) const
    {
        const std::uint32_t none = 0; // the library takes no null
        return text(tenas_search_space_genotype_from_operations,
                    operations.empty() ? &none : operations.data(), operations.size(),
                    detail::number(format));
    }

private:
    template <class T, class Function, class... Arguments>
    T value(Function function, Arguments... arguments) const
    {
        return detail::value<T>([&](T *out) { return function(get(), arguments..., out); });
    }

    template <class Function, class... Arguments>
    std::string text(Function function, Arguments... arguments) const
    {
        return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
            return function(get(), arguments..., buffer, capacity, length);
        });
    }
};

// ---- Configuration ----

/** A device, and which of its kind: GPUs count from 0, others have 0. */
struct DeviceIndex {
    Device kind;
    std::int32_t index;
};

/** The size of the networks that scores are measured on; 0 is what the space or the score has. */
struct ProxyNetwork {
    std::uint32_t channels, cells, image_size, batch_size;
};

/**
 * What determines a search. The setters return *this. They throw Status::invalid_argument for a value
 * out of range, and then nothing has changed.
 */
class Config : public detail::Handle<tenas_config, tenas_config_free> {
public:
    /** The published preset of a space for a data set. */
    Config(Space space, DatasetKind dataset)
        : Config(made([&](tenas_config **out) {
              return tenas_config_new(detail::number(space), detail::number(dataset), out);
          }))
    {}

    /** The preset of a search space for a data set. */
    Config(const SearchSpace &space, DatasetKind dataset)
        : Config(made([&](tenas_config **out) {
              return tenas_config_new_for_space(space.get(), detail::number(dataset), out);
          }))
    {}

    /** Owns an object that tenas.h has made. */
    explicit Config(tenas_config *owned) noexcept : Handle(owned) {}

    /** A configuration from JSON, as to_json() writes it. Throws Status::format. */
    static Config from_json(const std::string &json)
    {
        return Config(made([text = detail::c_string(json)](tenas_config **out) {
            return tenas_config_from_json(text, out);
        }));
    }

    /** All of it as JSON. */
    std::string to_json() const
    {
        return detail::text([this](char *buffer, std::size_t capacity, std::size_t *length) {
            return tenas_config_to_json(get(), buffer, capacity, length);
        });
    }

    /** Seed of all random numbers, by default 0. */
    Config &set_seed(std::uint64_t seed)
    {
        return set([&] { return tenas_config_set_seed(get(), seed); });
    }

    /** How many times each candidate is scored: 1 to 1000, by default 3. */
    Config &set_repeats(std::uint32_t repeats)
    {
        return set([&] { return tenas_config_set_repeats(get(), repeats); });
    }

    /** Images of an NTK's batch: 2 to 1024. */
    Config &set_batch_size(std::uint32_t images)
    {
        return set([&] { return tenas_config_set_batch_size(get(), images); });
    }

    /** Operations that a round removes from each edge: 1 to 16. */
    Config &set_prune_per_edge(std::uint32_t operations)
    {
        return set([&] { return tenas_config_set_prune_per_edge(get(), operations); });
    }

    /** Precision at which candidates are compared: 1 to 15 decimals, by default 3. */
    Config &set_score_decimals(std::uint32_t decimals)
    {
        return set([&] { return tenas_config_set_score_decimals(get(), decimals); });
    }

    /** Threads of the native engine: 1 to 1024, 0 (the default) for all cores. */
    Config &set_threads(std::uint32_t threads)
    {
        return set([&] { return tenas_config_set_threads(get(), threads); });
    }

    Config &set_init(Init init)
    {
        return set([&] { return tenas_config_set_init(get(), detail::number(init)); });
    }

    Config &set_sampling(Sampling sampling)
    {
        return set([&] { return tenas_config_set_sampling(get(), detail::number(sampling)); });
    }

    /** How the space is searched. What still is the old strategy's preset becomes the new one's. */
    Config &set_strategy(Strategy strategy)
    {
        return set([&] { return tenas_config_set_strategy(get(), detail::number(strategy)); });
    }

    /**
     * The scores that Strategy::rank goes by, with commas between: "flops,ntk". Throws
     * Status::not_found for an unknown name.
     */
    Config &set_proxies(const std::string &names)
    {
        return set([&, text = detail::c_string(names)] {
            return tenas_config_set_proxies(get(), text);
        });
    }

    /** The size of the networks of one score, or of all that have no size of their own. */
    Config &set_proxy_network(const std::optional<std::string> &proxy, const ProxyNetwork &size)
    {
        return set([&, name = proxy ? detail::c_string(*proxy) : nullptr] {
            return tenas_config_set_proxy_network(get(), name, size.channels, size.cells,
                                                  size.image_size, size.batch_size);
        });
    }

    /** Where to compute. Throws Status::device if this build of the library has no such device. */
    Config &set_device(Device kind, std::int32_t index = 0)
    {
        return set([&] { return tenas_config_set_device(get(), detail::number(kind), index); });
    }

    /**
     * A parameter by its name. Throws Status::not_found for an unknown name, Status::invalid_argument
     * for a value out of range, Status::device.
     */
    Config &set_parameter(const std::string &name, std::uint64_t value)
    {
        return set([&, text = detail::c_string(name)] {
            return tenas_config_set_parameter(get(), text, value);
        });
    }

    /** The space, or the number 0 if it is not built in. */
    Space space() const { return static_cast<Space>(value<std::int32_t>(tenas_config_space)); }
    /** The space, built in or not. */
    SearchSpace search_space() const
    {
        return SearchSpace(detail::value<tenas_search_space *>(
            [this](tenas_search_space **out) { return tenas_config_search_space(get(), out); }));
    }
    DatasetKind dataset() const
    {
        return static_cast<DatasetKind>(value<std::int32_t>(tenas_config_dataset));
    }
    std::uint64_t seed() const { return value<std::uint64_t>(tenas_config_seed); }
    std::uint32_t repeats() const { return value<std::uint32_t>(tenas_config_repeats); }
    std::uint32_t batch_size() const { return value<std::uint32_t>(tenas_config_batch_size); }
    std::uint32_t prune_per_edge() const { return value<std::uint32_t>(tenas_config_prune_per_edge); }
    std::uint32_t score_decimals() const { return value<std::uint32_t>(tenas_config_score_decimals); }
    std::uint32_t threads() const { return value<std::uint32_t>(tenas_config_threads); }
    Init init() const { return static_cast<Init>(value<std::int32_t>(tenas_config_init)); }
    Sampling sampling() const
    {
        return static_cast<Sampling>(value<std::int32_t>(tenas_config_sampling));
    }
    Strategy strategy() const
    {
        return static_cast<Strategy>(value<std::int32_t>(tenas_config_strategy));
    }
    /** Names of the scores, with commas between. */
    std::string proxies() const
    {
        return detail::text([this](char *buffer, std::size_t capacity, std::size_t *length) {
            return tenas_config_proxies(get(), buffer, capacity, length);
        });
    }
    /** What set_proxy_network() has set. */
    ProxyNetwork proxy_network(const std::optional<std::string> &proxy = std::nullopt) const
    {
        ProxyNetwork size{};
        detail::call([&, name = proxy ? detail::c_string(*proxy) : nullptr] {
            return tenas_config_proxy_network(get(), name, &size.channels, &size.cells,
                                              &size.image_size, &size.batch_size);
        });
        return size;
    }
    DeviceIndex device() const
    {
        std::int32_t kind = 0, index = 0;
        detail::call([&] { return tenas_config_device(get(), &kind, &index); });
        return {static_cast<Device>(kind), index};
    }

    /** The value of a parameter; none if no parameter has that name. */
    std::optional<std::uint64_t> parameter(const std::string &name) const
    {
        return detail::found<std::uint64_t>(
            [&, text = detail::c_string(name)](std::uint64_t *out) {
                return tenas_config_parameter(get(), text, out);
            });
    }

private:
    template <class Function> Config &set(Function &&function)
    {
        detail::call(function);
        return *this;
    }

    template <class T> T value(tenas_status (*getter)(const tenas_config *, T *)) const
    {
        return detail::value<T>([&](T *out) { return getter(get(), out); });
    }
};

// ---- Images ----

/** The shape of a set of images: count x channels x height x width bytes, in that order. */
struct Shape {
    std::size_t count, channels, height, width;
};

/** By what images are normalised: a value a channel, in units of the bytes (0 to 255). */
struct Normalisation {
    std::vector<float> mean, stddev;
};

/** What a data set is. */
struct DatasetFacts {
    Shape shape;
    std::size_t classes;
    /** Broken images that were found so far, in a folder of JPEG files. */
    std::size_t skipped;
    DatasetKind kind;
};

/**
 * A loader: writes images indices[0], indices[1], ... , count of them, one after the other, each
 * channels x height x width bytes. What it throws, the call that needed the images throws. The same
 * index must give the same bytes. Searches that run on several threads call it from all of them.
 */
using Loader =
    std::function<void(const std::size_t *indices, std::size_t count, std::uint8_t *images)>;

/** Images to search on. They never change: any number of threads and searches may share them. */
class Dataset : public detail::Handle<tenas_dataset, tenas_dataset_free> {
public:
    /** Owns an object that tenas.h has made. */
    explicit Dataset(tenas_dataset *owned) noexcept : Handle(owned) {}

    /**
     * A published data set from disk; tenas_dataset_open has the layouts. Throws Status::io,
     * Status::format, Status::invalid_argument, Status::out_of_memory.
     */
    static Dataset open(DatasetKind kind, const std::string &path)
    {
        return Dataset(made([&, text = detail::c_string(path)](tenas_dataset **out) {
            return tenas_dataset_open(detail::number(kind), text, out);
        }));
    }

    /**
     * Images in memory, which are copied: shape's number of bytes at images. Without a normalisation
     * it is computed from them. Throws Status::invalid_argument, Status::out_of_memory.
     */
    static Dataset from_images(const std::uint8_t *images, const Shape &shape, std::size_t classes,
                               const std::optional<Normalisation> &normalisation = std::nullopt)
    {
        check_normalisation(shape, normalisation);
        return Dataset(made([&](tenas_dataset **out) {
            return tenas_dataset_from_images(images, shape.count, shape.channels, shape.height,
                                             shape.width, mean(normalisation),
                                             stddev(normalisation), classes, out);
        }));
    }

    /** The same of a vector, whose size must be shape's. */
    static Dataset from_images(const std::vector<std::uint8_t> &images, const Shape &shape,
                               std::size_t classes,
                               const std::optional<Normalisation> &normalisation = std::nullopt)
    {
        std::size_t left = images.size();
        bool fits = true;
        for (const std::size_t side : {shape.count, shape.channels, shape.height, shape.width}) {
            fits = fits && side != 0 && left % side == 0;
            left = fits ? left / side : 0;
        }
        if (!fits || left != 1)
            throw Error(Status::invalid_argument,
                        "images: found " + std::to_string(images.size()) + " bytes, expected "
                            + std::to_string(shape.count) + " x " + std::to_string(shape.channels)
                            + " x " + std::to_string(shape.height) + " x "
                            + std::to_string(shape.width));
        return from_images(images.data(), shape, classes, normalisation);
    }

    /**
     * Images that a loader of yours has, read as searches need them. Without a normalisation every
     * image is loaded once, here. id is a name of these images: it stands for them in checkpoints.
     * The loader is kept until the last object that uses the images is gone. Throws what the loader
     * throws; Status::invalid_argument, Status::out_of_memory.
     */
    static Dataset from_callback(const Shape &shape, std::size_t classes, Loader load,
                                 const std::string &id,
                                 const std::optional<Normalisation> &normalisation = std::nullopt)
    {
        check_normalisation(shape, normalisation);
        const char *name = detail::c_string(id);
        auto user = load ? std::make_unique<Loader>(std::move(load)) : nullptr;
        tenas_dataset *dataset = made([&](tenas_dataset **out) {
            const tenas_status status = tenas_dataset_from_callback(
                shape.count, shape.channels, shape.height, shape.width, mean(normalisation),
                stddev(normalisation), classes, user ? &load_images : nullptr, &release_loader,
                user.get(), name, out);
            if (status == TENAS_OK)
                user.release(); // the data set's now
            return status;
        });
        return Dataset(dataset);
    }

    /** 10,000 images with natural statistics, in the shape of a published data set. */
    static Dataset synthetic(DatasetKind kind, std::uint64_t seed)
    {
        return Dataset(made([&](tenas_dataset **out) {
            return tenas_dataset_synthetic(detail::number(kind), seed, out);
        }));
    }

    DatasetFacts info() const
    {
        const auto c = detail::filled<tenas_dataset_facts>(
            [this](tenas_dataset_facts *out) { return tenas_dataset_info(get(), out); });
        return {{c.count, c.channels, c.height, c.width}, c.classes, c.skipped,
                static_cast<DatasetKind>(c.kind)};
    }

    /** Where the images came from. */
    std::string source() const
    {
        return detail::text([this](char *buffer, std::size_t capacity, std::size_t *length) {
            return tenas_dataset_source(get(), buffer, capacity, length);
        });
    }

    /** A number that tells data sets apart, the same on every machine. Throws Status::io. */
    std::uint64_t digest() const
    {
        return detail::value<std::uint64_t>(
            [this](std::uint64_t *out) { return tenas_dataset_digest(get(), out); });
    }

private:
    static std::int32_t load_images(const std::size_t *indices, std::size_t count,
                                    std::uint8_t *images, void *user) noexcept
    {
        return detail::Call::host([&] { (*static_cast<Loader *>(user))(indices, count, images); })
                   ? 0
                   : 1;
    }

    static void release_loader(void *user) noexcept { delete static_cast<Loader *>(user); }

    // The library reads as many values as there are channels.
    static void check_normalisation(const Shape &shape, const std::optional<Normalisation> &n)
    {
        if (n && (n->mean.size() != shape.channels || n->stddev.size() != shape.channels))
            throw Error(Status::invalid_argument,
                        "normalisation: found " + std::to_string(n->mean.size()) + " means and "
                            + std::to_string(n->stddev.size()) + " standard deviations, expected "
                            + std::to_string(shape.channels) + " of each, one a channel");
    }

    static const float *mean(const std::optional<Normalisation> &n)
    {
        return n ? n->mean.data() : nullptr;
    }
    static const float *stddev(const std::optional<Normalisation> &n)
    {
        return n ? n->stddev.data() : nullptr;
    }
};

// ---- Networks ----

/** The size of a genotype's network, and its weights; tenas.h has what is left out. */
struct NetworkSettings {
    DatasetKind dataset = DatasetKind::cifar10;
    /** C of the first cell, and cells a stage. */
    std::optional<std::uint32_t> channels, cells;
    std::optional<std::uint32_t> classes;
    /** Channels, height and width of an image. */
    struct Image {
        std::uint32_t channels, height, width;
    };
    std::optional<Image> image;
    Init init = Init::kaiming_normal;
    std::uint64_t seed = 0;
};

/** What a network is. */
struct NetworkFacts {
    /** Channels, rows and columns of an image. */
    std::size_t channels, height, width;
    std::size_t classes;
    /** Parameters with a name, and the numbers in all of them. */
    std::size_t named_parameters;
    std::uint64_t parameters;
    /** Of one image. */
    std::uint64_t multiply_adds;
};

/** A whole network with its weights, to be written for other programs. It never changes. */
class Network : public detail::Handle<tenas_network, tenas_network_free> {
public:
    /** The network of an architecture, with fresh weights. Throws Status::format, invalid_argument. */
    Network(const SearchSpace &space, const std::string &genotype,
            const NetworkSettings &settings = {})
        : Network(made([&, text = detail::c_string(genotype)](tenas_network **out) {
              tenas_network_settings c{};
              c.struct_size = sizeof c;
              c.dataset = detail::number(settings.dataset);
              c.channels = given(settings.channels);
              c.cells = given(settings.cells);
              c.classes = given(settings.classes);
              if (settings.image) {
                  c.image_channels = settings.image->channels;
                  c.image_height = settings.image->height;
                  c.image_width = settings.image->width;
              }
              c.init = detail::number(settings.init);
              c.seed = settings.seed;
              return tenas_network_from_genotype(space.get(), text, &c, out);
          }))
    {}

    /** Owns an object that tenas.h has made. */
    explicit Network(tenas_network *owned) noexcept : Handle(owned) {}

    /**
     * The network of an ONNX file, for images of a size where the file leaves that open, or for another
     * one. Throws Status::io, format, invalid_argument.
     */
    static Network from_onnx(const std::string &path,
                             const std::optional<NetworkSettings::Image> &image = std::nullopt)
    {
        const NetworkSettings::Image i = image.value_or(NetworkSettings::Image{0, 0, 0});
        return Network(made([&, text = detail::c_string(path)](tenas_network **out) {
            return tenas_network_from_onnx(text, i.channels, i.height, i.width, out);
        }));
    }

    /** The same of a file in memory. Weights in other files are not there then. */
    static Network from_onnx_bytes(const std::vector<std::uint8_t> &bytes,
                                   const std::optional<NetworkSettings::Image> &image = std::nullopt)
    {
        const NetworkSettings::Image i = image.value_or(NetworkSettings::Image{0, 0, 0});
        return Network(made([&](tenas_network **out) {
            return tenas_network_from_onnx_bytes(bytes.data(), bytes.size(), i.channels, i.height,
                                                 i.width, out);
        }));
    }

    /** What its file has and the network does not, from 0. Throws Status::not_found. */
    std::string note(std::size_t index) const
    {
        return detail::value<const char *>(
            [&](const char **out) { return tenas_network_note(get(), index, out); });
    }

    std::string name() const
    {
        return detail::value<const char *>(
            [this](const char **out) { return tenas_network_name(get(), out); });
    }

    NetworkFacts info() const
    {
        const auto c = detail::filled<tenas_network_facts>(
            [this](tenas_network_facts *out) { return tenas_network_info(get(), out); });
        return {c.channels,         c.height,     c.width,        c.classes,
                c.named_parameters, c.parameters, c.multiply_adds};
    }

    /** PyTorch's name of a parameter, from 0. Throws Status::not_found. */
    std::string parameter_name(std::size_t index) const
    {
        return detail::value<const char *>(
            [&](const char **out) { return tenas_network_parameter_name(get(), index, out); });
    }

    /**
     * The logits of images in evaluation, classes of each: images are channels x height x width
     * numbers, one after the other. Throws Status::invalid_argument.
     */
    std::vector<float> logits(const std::vector<float> &images) const
    {
        const NetworkFacts facts = info();
        const std::size_t image = facts.channels * facts.height * facts.width;
        if (images.empty() || images.size() % image != 0)
            throw Error(Status::invalid_argument,
                        "images: found " + std::to_string(images.size())
                            + " numbers, expected a multiple of " + std::to_string(image));
        const std::size_t count = images.size() / image;
        std::vector<float> out(count * facts.classes);
        detail::call([&] {
            return tenas_network_logits(get(), images.data(), count, out.data(), out.size());
        });
        return out;
    }

    /** As an ONNX file. Throws Status::io. */
    void write_onnx(const std::string &path) const
    {
        detail::call([&, text = detail::c_string(path)] {
            return tenas_network_write_onnx(get(), text);
        });
    }

    /** As PyTorch code, to be trained. Throws Status::io, invalid_state. */
    void write_pytorch(const std::string &path) const
    {
        detail::call([&, text = detail::c_string(path)] {
            return tenas_network_write_pytorch(get(), text);
        });
    }

    /** The weights as a safetensors file. Throws Status::io. */
    void write_weights(const std::string &path) const
    {
        detail::call([&, text = detail::c_string(path)] {
            return tenas_network_write_weights(get(), text);
        });
    }

private:
    // 0 stands for what is left out; a 0 that was given is out of every range.
    static std::uint32_t given(const std::optional<std::uint32_t> &value)
    {
        if (value && *value == 0)
            throw Error(Status::invalid_argument, "settings: found 0, expected at least 1");
        return value.value_or(0);
    }
};

// ---- Searches ----

/** How far a search is. */
struct Progress {
    /** The round being worked on, from 0 (equal to rounds at the end), and how many there are. */
    std::uint32_t round, rounds;
    /** Candidates of this round that are finished, and how many there are. */
    std::uint32_t candidate, candidates;
    /** What this search has computed so far, all its runs together. */
    Seconds elapsed;
};

/** Called after each candidate, on the thread that called in. false cancels. */
using ProgressFunction = std::function<bool(const Progress &)>;

/** Takes a line of a search's log, on the thread that called in. */
using LogFunction = std::function<void(LogLevel, const std::string &)>;

/**
 * A candidate of a finished round: an operation, and what its removal would do. A delta is the relative
 * change, (now - without) / now, rounded; all are means over the repeats.
 */
struct Record {
    std::uint32_t round, cell, edge, operation;
    /** Rank by ntk_delta, the highest first, and by regions_delta, the lowest first; from 1. */
    std::uint32_t ntk_rank, regions_rank;
    bool pruned;
    double ntk_delta, regions_delta;
    /** Condition number of the supernet's neural tangent kernel; without the operation. */
    double ntk_now, ntk_without;
    /** Linear regions of the supernet; without the operation. */
    double regions_now, regions_without;
};

/** A finished round in short. */
struct Round {
    std::uint32_t round, candidates, pruned;
    /** Index of its first record. */
    std::size_t first_record;
    /** Condition number and linear regions of the supernet that it began with. */
    double ntk, regions;
};

/** The scores of a candidate, as they travel between contexts. Plain bytes, which never grow. */
using Score = tenas_score;

/** What a candidate's draw was found to be worth, as it travels between contexts. */
using Measurement = tenas_measurement;

/** An architecture of a ranking. */
struct Ranked {
    std::uint64_t number;
    std::uint32_t rung, draws;
    bool connected;
    double total;
    /** One for each score, in the order of Config::proxies(). */
    std::vector<double> values, ranks;
};

/** How much of a search is done, and how much there is. */
struct Work {
    std::uint32_t done, all;
};

namespace detail {

inline Progress progress_from(const tenas_progress &c)
{
    return {c.round, c.rounds, c.candidate, c.candidates, Seconds(c.seconds)};
}

/** The tenas_progress_fn of a ProgressFunction, which is the user pointer. */
inline std::int32_t report_progress(const tenas_progress *progress, void *user) noexcept
{
    bool go_on = false;
    Call::host([&] { go_on = (*static_cast<ProgressFunction *>(user))(progress_from(*progress)); });
    return go_on ? 0 : 1;
}

struct Log {
    tenas_context *context;
    LogFunction function;
};

inline void report_log(std::int32_t level, const char *text, void *user) noexcept
{
    auto *log = static_cast<Log *>(user);
    if (!Call::host([&] { log->function(static_cast<LogLevel>(level), text); }))
        Call::cancel(log->context);
}

} // namespace detail

class Benchmark;

/**
 * A search: run it to the end, or round by round, watch it, stop it and go on, take the genotype.
 *
 * One call at a time: others throw Status::busy, those of callbacks too. Only cancel(), clear_cancel(),
 * progress() and work() work at any time, from any thread. Do not move or destroy it while a call works on it.
 */
class Context : public detail::Handle<tenas_context, tenas_context_free> {
public:
    /**
     * A search of a configuration on a data set; both may change or go afterwards. Throws
     * Status::invalid_argument if they do not fit each other, Status::device, Status::out_of_memory.
     */
    Context(const Config &config, const Dataset &dataset)
        : Context(made([&](tenas_context **out) {
              return tenas_context_new(config.get(), dataset.get(), out);
          }))
    {}

    /** Owns an object that tenas.h has made. */
    explicit Context(tenas_context *owned) noexcept : Handle(owned) {}

    // A search goes before its callbacks do.
    Context(Context &&) noexcept = default;
    ~Context() { reset(); }
    Context &operator=(Context &&other) noexcept
    {
        Handle::operator=(std::move(other));
        progress_ = std::move(other.progress_);
        log_ = std::move(other.log_);
        return *this;
    }

    /** Hands the search over, without its callbacks. Throws Status::busy. */
    tenas_context *release()
    {
        set_progress(nullptr);
        set_log(nullptr);
        return Handle::release();
    }

    /**
     * A search from a checkpoint. dataset must have the images that it began with. machine's device
     * and threads are taken, if it is given. Set callbacks and checkpoint again. Throws Status::io,
     * Status::format, Status::invalid_argument, Status::device, Status::out_of_memory.
     */
    static Context load(const std::string &path, const Dataset &dataset,
                        const Config *machine = nullptr)
    {
        return Context(made([&, text = detail::c_string(path)](tenas_context **out) {
            return tenas_context_load(text, dataset.get(),
                                      machine == nullptr ? nullptr : machine->get(), out);
        }));
    }

    /**
     * Runs all rounds that remain. Throws Status::cancelled, Status::out_of_memory, Status::device,
     * Status::io, Status::format, and what callbacks throw. The next run goes on from there, to the
     * same result.
     */
    void run()
    {
        detail::call([this] { return tenas_context_run(get()); });
    }

    /** Runs one round. Whether it was the last. Throws what run() throws. */
    bool run_round()
    {
        return detail::value<bool>(
            [this](bool *out) { return tenas_context_run_round(get(), out); });
    }

    /**
     * Asks the running call to throw Status::cancelled; if none runs, the next one does. From any thread,
     * from callbacks, from a signal handler.
     */
    void cancel() const noexcept { tenas_context_cancel(get()); }

    /** Drops a request to cancel that no call has reported yet. */
    void clear_cancel() const noexcept { tenas_context_clear_cancel(get()); }

    /** How far it is. */
    Progress progress() const
    {
        return detail::progress_from(detail::filled<tenas_progress>(
            [this](tenas_progress *out) { return tenas_context_progress(get(), out); }));
    }

    /**
     * Sets the function that is called after each candidate; an empty one clears it. An exception
     * of it comes out of the call that runs.
     */
    void set_progress(ProgressFunction function)
    {
        auto next = function ? std::make_unique<ProgressFunction>(std::move(function)) : nullptr;
        detail::call([&] {
            return tenas_context_set_progress(get(), next ? &detail::report_progress : nullptr,
                                              next.get());
        });
        progress_ = std::move(next);
    }

    /** Sets the function that takes the log; an empty one clears it. Its exceptions likewise. */
    void set_log(LogFunction function)
    {
        std::unique_ptr<detail::Log> next;
        if (function)
            next.reset(new detail::Log{get(), std::move(function)});
        detail::call([&] {
            return tenas_context_set_log(get(), next ? &detail::report_log : nullptr, next.get());
        });
        log_ = std::move(next);
    }

    bool is_finished() const
    {
        return detail::value<bool>(
            [this](bool *out) { return tenas_context_is_finished(get(), out); });
    }

    /** A copy of its configuration. */
    Config config() const
    {
        tenas_config *config = nullptr;
        detail::call([&] { return tenas_context_config(get(), &config); });
        return Config(config);
    }

    /** Where it computes: never Device::automatic. */
    DeviceIndex device() const
    {
        std::int32_t kind = 0, index = 0;
        detail::call([&] { return tenas_context_device(get(), &kind, &index); });
        return {static_cast<Device>(kind), index};
    }

    /** What a finished search has found. Throws Status::invalid_state before. */
    std::string genotype(GenotypeFormat format = GenotypeFormat::native) const
    {
        return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
            return tenas_context_genotype(get(), detail::number(format), buffer, capacity, length);
        });
    }

    /** How many candidates all finished rounds had. */
    std::size_t record_count() const
    {
        return detail::value<std::size_t>(
            [this](std::size_t *out) { return tenas_context_record_count(get(), out); });
    }

    /** A candidate of a finished round. Throws Status::not_found. */
    Record record(std::size_t index) const
    {
        const auto c = detail::filled<tenas_record>(
            [&](tenas_record *out) { return tenas_context_record(get(), index, out); });
        return {c.round, c.cell, c.edge, c.operation, c.ntk_rank, c.regions_rank, c.pruned != 0,
                c.ntk_delta, c.regions_delta, c.ntk_now, c.ntk_without, c.regions_now,
                c.regions_without};
    }

    /** All of them, in the order of rounds, cells, edges and operations. */
    std::vector<Record> records() const
    {
        std::vector<Record> all;
        const std::size_t count = record_count();
        for (std::size_t index = 0; index < count; ++index)
            all.push_back(record(index));
        return all;
    }

    /** How many rounds were finished by their scores. */
    std::size_t round_count() const
    {
        return detail::value<std::size_t>(
            [this](std::size_t *out) { return tenas_context_round_count(get(), out); });
    }

    /** A finished round. Throws Status::not_found. */
    Round round(std::size_t index) const
    {
        const auto c = detail::filled<tenas_round>(
            [&](tenas_round *out) { return tenas_context_round(get(), index, out); });
        return {c.round, c.candidates, c.pruned, c.first_record, c.ntk, c.regions};
    }

    /** All of them. */
    std::vector<Round> rounds() const
    {
        std::vector<Round> all;
        const std::size_t count = round_count();
        for (std::size_t index = 0; index < count; ++index)
            all.push_back(round(index));
        return all;
    }

    /** The whole history as JSON. */
    std::string records_json() const
    {
        return detail::text([this](char *buffer, std::size_t capacity, std::size_t *length) {
            return tenas_context_records_json(get(), buffer, capacity, length);
        });
    }

    /**
     * Writes what the search finds to a file of JSON lines from now on; goes on with a trace of the
     * same search. Throws Status::io, Status::format, Status::invalid_argument.
     */
    void set_trace(const std::string &path)
    {
        detail::call(
            [&, text = detail::c_string(path)] { return tenas_context_set_trace(get(), text); });
    }

    /** Ends the trace. */
    void clear_trace()
    {
        detail::call([this] { return tenas_context_set_trace(get(), nullptr); });
    }

    /** Writes a report of the search, one HTML file. Throws Status::io, Status::format. */
    void report(const std::string &path) const
    {
        detail::call(
            [&, text = detail::c_string(path)] { return tenas_context_report(get(), text); });
    }

    /** The same with the accuracies of a table. Throws Status::invalid_argument as well. */
    void report(const Benchmark &table, const std::string &path) const;

    /** Writes a checkpoint, a file that is replaced at once. Throws Status::io, Status::format. */
    void save(const std::string &path) const
    {
        detail::call([&, text = detail::c_string(path)] { return tenas_context_save(get(), text); });
    }

    /**
     * Has the search save itself: now, at the end of each round, and after a candidate if the last
     * checkpoint is that old (0: after each). Throws as save() does.
     */
    void set_checkpoint(const std::string &path, Seconds every)
    {
        detail::call([&, text = detail::c_string(path)] {
            return tenas_context_set_checkpoint(get(), text, every.count());
        });
    }

    /** Switches checkpoints off. */
    void clear_checkpoint()
    {
        detail::call([this] { return tenas_context_set_checkpoint(get(), nullptr, 0); });
    }

    /** Candidates of the round at hand, 0 at the end. */
    std::size_t candidate_count() const
    {
        return detail::value<std::size_t>(
            [this](std::size_t *out) { return tenas_context_candidate_count(get(), out); });
    }

    /**
     * Scores count candidates of the round at hand from number first on, and prunes nothing. Throws
     * Status::invalid_argument if there are fewer, and what run() throws.
     */
    std::vector<Score> evaluate(std::size_t first, std::size_t count)
    {
        // Before memory is asked for.
        const std::size_t most = candidate_count();
        std::vector<Score> scores(count <= most ? count : 0);
        Score none{};
        detail::call([&] {
            return tenas_context_evaluate(get(), first, count,
                                          scores.empty() ? &none : scores.data());
        });
        return scores;
    }

    /**
     * Ends the round at hand with the scores of all its candidates, in any order. Whether it was the
     * last. Throws Status::invalid_argument if they do not fit, Status::io, Status::format.
     */
    bool apply(const std::vector<Score> &scores)
    {
        return detail::value<bool>([&](bool *out) {
            return tenas_context_apply(get(), scores.data(), scores.size(), out);
        });
    }

    /** 1 or 0 for each operation of each edge of each cell, in that order: active or not. */
    std::vector<std::uint8_t> mask() const
    {
        return detail::array<std::uint8_t>(
            [this](std::uint8_t *mask, std::size_t capacity, std::size_t *count) {
                return tenas_context_mask(get(), mask, capacity, count);
            });
    }

    /**
     * Removes an operation, whatever the search would do. Throws Status::invalid_argument,
     * Status::invalid_state if it is not active or must stay, Status::io.
     */
    void prune(std::uint32_t cell, std::uint32_t edge, std::uint32_t operation)
    {
        detail::call([&] { return tenas_context_prune(get(), cell, edge, operation); });
    }

    /** Architectures that the finished rounds of Strategy::rank have ranked. */
    std::size_t ranking_count() const
    {
        return detail::value<std::size_t>(
            [this](std::size_t *out) { return tenas_context_ranking_count(get(), out); });
    }

    /** An architecture of the ranking; index 0 is the best. Throws Status::not_found. */
    Ranked ranked(std::size_t index) const
    {
        const std::string names = config().proxies();
        const std::size_t count =
            1 + static_cast<std::size_t>(std::count(names.begin(), names.end(), ','));
        Ranked found{};
        found.values.resize(count);
        found.ranks.resize(count);
        const auto c = detail::filled<tenas_ranked>([&](tenas_ranked *out) {
            return tenas_context_ranked(get(), index, out, found.values.data(), found.ranks.data(),
                                        count);
        });
        found.number = c.number;
        found.rung = c.rung;
        found.draws = c.draws;
        found.connected = c.connected != 0;
        found.total = c.total;
        return found;
    }

    /** The text of an architecture of the ranking. Throws Status::not_found. */
    std::string ranked_genotype(std::size_t index,
                                GenotypeFormat format = GenotypeFormat::native) const
    {
        return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
            return tenas_context_ranked_genotype(get(), index, detail::number(format), buffer,
                                                 capacity, length);
        });
    }

    /** Draws that the round at hand adds: each candidate has so many measurements. */
    std::size_t draws() const
    {
        return detail::value<std::size_t>(
            [this](std::size_t *out) { return tenas_context_draws(get(), out); });
    }

    /** What Strategy::rank has for evaluate(): draws() measurements of each candidate. */
    std::vector<Measurement> measure(std::size_t first, std::size_t count)
    {
        // Before memory is asked for.
        const std::size_t most = candidate_count();
        std::vector<Measurement> measurements(count <= most ? count * draws() : 0);
        Measurement none{};
        detail::call([&] {
            return tenas_context_measure(get(), first, count,
                                         measurements.empty() ? &none : measurements.data());
        });
        return measurements;
    }

    /** What Strategy::rank has for apply(). */
    bool settle(const std::vector<Measurement> &measurements)
    {
        return detail::value<bool>([&](bool *out) {
            return tenas_context_settle(get(), measurements.data(), measurements.size(), out);
        });
    }

    /**
     * How much of the search is done, and how much there is, as far as that can be foreseen. At any
     * time and from any thread.
     */
    Work work() const
    {
        Work work{};
        detail::call([&] { return tenas_context_work(get(), &work.done, &work.all); });
        return work;
    }

private:
    std::unique_ptr<ProgressFunction> progress_;
    std::unique_ptr<detail::Log> log_;
};

// ---- Scores as JSON, for workers in other languages or on machines of another kind ----

/** Scores as JSON. Numbers read back as the same doubles. Throws Status::invalid_argument for one that
 *  is not finite. */
inline std::string scores_to_json(const std::vector<Score> &scores)
{
    return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
        return tenas_scores_to_json(scores.data(), scores.size(), buffer, capacity, length);
    });
}

/** What scores_to_json() writes. Throws Status::format, with the place in the text. */
inline std::vector<Score> scores_from_json(const std::string &json)
{
    const char *text = detail::c_string(json);
    return detail::array<Score>([&](Score *scores, std::size_t capacity, std::size_t *count) {
        return tenas_scores_from_json(text, scores, capacity, count);
    });
}

/** Measurements as JSON, likewise. */
inline std::string measurements_to_json(const std::vector<Measurement> &measurements)
{
    return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
        return tenas_measurements_to_json(measurements.data(), measurements.size(), buffer,
                                          capacity, length);
    });
}

/** What measurements_to_json() writes. Throws Status::format, with the place in the text. */
inline std::vector<Measurement> measurements_from_json(const std::string &json)
{
    const char *text = detail::c_string(json);
    return detail::array<Measurement>(
        [&](Measurement *measurements, std::size_t capacity, std::size_t *count) {
            return tenas_measurements_from_json(text, measurements, capacity, count);
        });
}

// ---- Genotypes: finished architectures, as texts. Wherever one is read, both formats are. ----

/** How many architectures a space has. */
inline std::uint64_t genotype_count(Space space)
{
    return detail::value<std::uint64_t>(
        [&](std::uint64_t *out) { return tenas_genotype_count(detail::number(space), out); });
}

/** An architecture by its number. Throws Status::not_found if there is none. */
inline std::string genotype_at(Space space, std::uint64_t index,
                               GenotypeFormat format = GenotypeFormat::native)
{
    return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
        return tenas_genotype_at(detail::number(space), index, detail::number(format), buffer,
                                 capacity, length);
    });
}

/**
 * The number of an architecture; none if it has none (a DARTS genotype with an operation none).
 * Throws Status::format.
 */
inline std::optional<std::uint64_t> genotype_index(Space space, const std::string &genotype)
{
    return detail::found<std::uint64_t>(
        [&, text = detail::c_string(genotype)](std::uint64_t *out) {
            return tenas_genotype_index(detail::number(space), text, out);
        });
}

/** An architecture drawn so that each is as likely as any other; for more, count index up. */
inline std::string genotype_sample(Space space, std::uint64_t seed, std::uint64_t index,
                                   GenotypeFormat format = GenotypeFormat::native)
{
    return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
        return tenas_genotype_sample(detail::number(space), seed, index, detail::number(format),
                                     buffer, capacity, length);
    });
}

/** Checks a genotype, and writes it in a format. Throws Status::format. */
inline std::string genotype_convert(Space space, const std::string &genotype,
                                    GenotypeFormat format)
{
    const char *text = detail::c_string(genotype);
    return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
        return tenas_genotype_convert(detail::number(space), text, detail::number(format), buffer,
                                      capacity, length);
    });
}

/** A drawing of an architecture's cells, as SVG. Throws Status::format. */
inline std::string genotype_svg(Space space, const std::string &genotype)
{
    const char *text = detail::c_string(genotype);
    return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
        return tenas_genotype_svg(detail::number(space), text, buffer, capacity, length);
    });
}

/**
 * A picture of pairs of values with their rank correlation, as SVG. Throws Status::invalid_argument
 * for lists of different lengths, fewer than two values, or one that is not finite.
 */
inline std::string scatter_svg(const std::string &x_title, const std::string &y_title,
                               const std::vector<double> &x, const std::vector<double> &y)
{
    if (x.size() != y.size())
        throw Error(Status::invalid_argument, "tenas.hpp: y: found " + std::to_string(y.size())
                                                  + " values, expected "
                                                  + std::to_string(x.size()));
    const char *x_text = detail::c_string(x_title), *y_text = detail::c_string(y_title);
    return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
        return tenas_scatter_svg(x_text, y_text, x.data(), y.data(), x.size(), buffer, capacity,
                                 length);
    });
}

/** A text that isomorphic architectures share, and others do not. Throws Status::format. */
inline std::string genotype_canonical(Space space, const std::string &genotype)
{
    const char *text = detail::c_string(genotype);
    return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
        return tenas_genotype_canonical(detail::number(space), text, buffer, capacity, length);
    });
}

/** Operation indices: one for each edge, cells in order. Throws Status::format. */
inline std::vector<std::uint32_t> genotype_to_operations(Space space, const std::string &genotype)
{
    const char *text = detail::c_string(genotype);
    return detail::array<std::uint32_t>(
        [&](std::uint32_t *operations, std::size_t capacity, std::size_t *count) {
            return tenas_genotype_to_operations(detail::number(space), text, operations, capacity,
                                                count);
        });
}

/** The architecture with these operation indices. Throws Status::invalid_argument. */
inline std::string genotype_from_operations(Space space,
                                            const std::vector<std::uint32_t> &operations,
                                            GenotypeFormat format = GenotypeFormat::native)
{
    const std::uint32_t none = 0; // the library takes no null
    return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
        return tenas_genotype_from_operations(
            detail::number(space), operations.empty() ? &none : operations.data(),
            operations.size(), detail::number(format), buffer, capacity, length);
    });
}

// ---- Indicators ----

/** A score: the mean over the repeats, and the standard deviation. */
struct Measure {
    double mean, spread;
};

/** What an architecture is worth, told without training. */
struct Indicators {
    /** Condition number of the neural tangent kernel: lower is better. */
    Measure ntk;
    /** Linear regions among 3000 inputs: more is better. */
    Measure regions;
    /** Higher is better. */
    Measure naswot, swap;
    /** Of the network that papers train: multiply-adds of one image, and parameters. */
    std::uint64_t multiply_adds, parameters;
    /** Whether the output depends on the image. If not, the scores are the worst there are. */
    bool connected;
    std::uint32_t repeats;
    /** Of the whole call, divided by the number of architectures. */
    Seconds elapsed;
};

namespace detail {

inline Indicators indicators_from(const tenas_indicators &c)
{
    return {{c.ntk, c.ntk_spread},
            {c.regions, c.regions_spread},
            {c.naswot, c.naswot_spread},
            {c.swap, c.swap_spread},
            c.multiply_adds,
            c.parameters,
            c.connected != 0,
            c.repeats,
            Seconds(c.seconds)};
}

} // namespace detail

/**
 * What one architecture is worth. Throws Status::format for what is no genotype of the configuration's
 * space; Status::invalid_argument, Status::device, Status::out_of_memory, Status::io.
 */
inline Indicators indicators_of(const Config &config, const Dataset &dataset,
                                const std::string &genotype)
{
    const char *text = detail::c_string(genotype);
    return detail::indicators_from(detail::filled<tenas_indicators>([&](tenas_indicators *out) {
        return tenas_indicators_of(config.get(), dataset.get(), text, out);
    }));
}

/** What a supernet is worth: mask as Context::mask() has it. Throws as indicators_of does. */
inline Indicators indicators_of_mask(const Config &config, const Dataset &dataset,
                                     const std::vector<std::uint8_t> &mask)
{
    const std::uint8_t none = 0; // the library takes no null
    return detail::indicators_from(detail::filled<tenas_indicators>([&](tenas_indicators *out) {
        return tenas_indicators_of_mask(config.get(), dataset.get(),
                                        mask.empty() ? &none : mask.data(), mask.size(), out);
    }));
}

/**
 * What many architectures are worth, with all cores or the GPU kept busy. progress is called after
 * each: candidate of candidates. Throws Status::cancelled if it returns false, what it throws, and as
 * indicators_of does.
 */
inline std::vector<Indicators> indicators_of_many(const Config &config, const Dataset &dataset,
                                                  const std::vector<std::string> &genotypes,
                                                  ProgressFunction progress = nullptr)
{
    std::vector<const char *> texts;
    for (const std::string &genotype : genotypes)
        texts.push_back(detail::c_string(genotype));
    std::vector<tenas_indicators> found(genotypes.size());
    if (!found.empty())
        found.front().struct_size = sizeof found.front();
    detail::call([&] {
        return tenas_indicators_of_many(config.get(), dataset.get(), texts.data(), texts.size(),
                                        progress ? &detail::report_progress : nullptr, &progress,
                                        found.data());
    });
    std::vector<Indicators> all;
    for (const tenas_indicators &indicators : found)
        all.push_back(detail::indicators_from(indicators));
    return all;
}

// ---- Scores by name ----

/** A score. */
struct Proxy {
    std::string name, title, source;
    Direction direction;
    ProxyCost cost;
};

/** How many scores there are. */
inline std::size_t proxy_count()
{
    return detail::value<std::size_t>([](std::size_t *out) { return tenas_proxy_count(out); });
}

/** A score, from 0. Throws Status::not_found. */
inline Proxy proxy_info(std::size_t index)
{
    const auto c = detail::filled<tenas_proxy>(
        [&](tenas_proxy *out) { return tenas_proxy_info(index, out); });
    return {c.name, c.title, c.source, static_cast<Direction>(c.direction),
            static_cast<ProxyCost>(c.cost)};
}

/** What scores_of_many() finds: that of architecture i by score p stands at i * proxies + p. */
struct ScoreTable {
    std::vector<double> means, spreads;
    /** 1 or 0 for each architecture: whether its output depends on the image. */
    std::vector<std::int32_t> connected;
};

/**
 * What many architectures are worth by scores of these names, with all cores or the GPU kept busy.
 * Throws Status::not_found for an unknown name, and as indicators_of_many does.
 */
inline ScoreTable scores_of_many(const Config &config, const Dataset &dataset,
                                 const std::vector<std::string> &proxies,
                                 const std::vector<std::string> &genotypes,
                                 ProgressFunction progress = nullptr)
{
    std::vector<const char *> names, texts;
    for (const std::string &proxy : proxies)
        names.push_back(detail::c_string(proxy));
    for (const std::string &genotype : genotypes)
        texts.push_back(detail::c_string(genotype));
    ScoreTable found;
    found.means.resize(names.size() * texts.size());
    found.spreads.resize(names.size() * texts.size());
    found.connected.resize(texts.size());
    detail::call([&] {
        return tenas_scores_of_many(config.get(), dataset.get(), names.data(), names.size(),
                                    texts.data(), texts.size(),
                                    progress ? &detail::report_progress : nullptr, &progress,
                                    found.means.data(), found.spreads.data(),
                                    found.connected.data());
    });
    return found;
}

/**
 * What networks of any origin are worth by scores of these names, each in its own size. Throws
 * Status::not_found for an unknown name, invalid_argument for a score that says nothing of a network.
 */
inline ScoreTable networks_score(const Config &config, const Dataset &dataset,
                                 const std::vector<std::string> &proxies,
                                 const std::vector<const Network *> &networks,
                                 NetworkWeights weights = NetworkWeights::fresh,
                                 ProgressFunction progress = nullptr)
{
    std::vector<const char *> names;
    std::vector<const tenas_network *> handles;
    for (const std::string &proxy : proxies)
        names.push_back(detail::c_string(proxy));
    for (const Network *network : networks)
        handles.push_back(network == nullptr ? nullptr : network->get());
    ScoreTable found;
    found.means.resize(names.size() * handles.size());
    found.spreads.resize(names.size() * handles.size());
    found.connected.resize(handles.size());
    detail::call([&] {
        return tenas_networks_score(config.get(), dataset.get(), names.data(), names.size(),
                                    handles.data(), handles.size(), detail::number(weights),
                                    progress ? &detail::report_progress : nullptr, &progress,
                                    found.means.data(), found.spreads.data(),
                                    found.connected.data());
    });
    return found;
}

/** One order of several scores: totals of values as scores_of_many() has them. */
inline std::vector<double> aggregate(Aggregation aggregation,
                                     const std::vector<std::string> &proxies,
                                     const std::vector<double> &values)
{
    std::vector<const char *> names;
    for (const std::string &proxy : proxies)
        names.push_back(detail::c_string(proxy));
    std::vector<double> totals(names.empty() ? 0 : values.size() / names.size());
    detail::call([&] {
        return tenas_aggregate(detail::number(aggregation), names.data(), names.size(),
                               values.data(), totals.size(), totals.data());
    });
    return totals;
}

// ---- Accuracy tables ----

/** What finished architectures reach after training, from a table. Any threads may share it. */
class Benchmark : public detail::Handle<tenas_benchmark, tenas_benchmark_free> {
public:
    /** Owns an object that tenas.h has made. */
    explicit Benchmark(tenas_benchmark *owned) noexcept : Handle(owned) {}

    /** A text, or a folder of NATS-Bench. Throws Status::io, Status::format. */
    static Benchmark open(const std::string &path)
    {
        return Benchmark(made([text = detail::c_string(path)](tenas_benchmark **out) {
            return tenas_benchmark_open(text, out);
        }));
    }

    /** How many architectures it has. */
    std::size_t count() const
    {
        return detail::value<std::size_t>(
            [this](std::size_t *out) { return tenas_benchmark_count(get(), out); });
    }

    Space space() const
    {
        return static_cast<Space>(detail::value<std::int32_t>(
            [this](std::int32_t *out) { return tenas_benchmark_space(get(), out); }));
    }

    /** The names of columns that were not read, as a JSON list. */
    std::string ignored() const
    {
        return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
            return tenas_benchmark_ignored(get(), buffer, capacity, length);
        });
    }

    /** The genotype of an entry, from 0. Throws Status::not_found. */
    std::string genotype(std::size_t index) const
    {
        return detail::text([&](char *buffer, std::size_t capacity, std::size_t *length) {
            return tenas_benchmark_genotype(get(), index, buffer, capacity, length);
        });
    }

    /** The entry of an architecture, if there is one. Throws Status::format. */
    std::optional<std::size_t> find(const std::string &genotype) const
    {
        return detail::found<std::size_t>(
            [&, text = detail::c_string(genotype)](std::size_t *out) {
                return tenas_benchmark_find(get(), text, out);
            });
    }

    /** Its test accuracy in percent, if the table has it. Throws Status::format, Status::io. */
    std::optional<double> accuracy(const std::string &genotype, DatasetKind dataset) const
    {
        return detail::found<double>([&, text = detail::c_string(genotype)](double *out) {
            return tenas_benchmark_accuracy(get(), text, detail::number(dataset), out);
        });
    }

    /** Its place by accuracy, 1 the best, if the table has it. Throws likewise. */
    std::optional<std::size_t> rank(const std::string &genotype, DatasetKind dataset) const
    {
        return detail::found<std::size_t>(
            [&, text = detail::c_string(genotype)](std::size_t *out) {
                return tenas_benchmark_rank(get(), text, detail::number(dataset), out);
            });
    }

    /** The entry with the highest accuracy, if any has one. Throws Status::io, Status::format. */
    std::optional<std::size_t> best(DatasetKind dataset) const
    {
        return detail::found<std::size_t>([&](std::size_t *out) {
            return tenas_benchmark_best(get(), detail::number(dataset), out);
        });
    }
};

inline void Context::report(const Benchmark &table, const std::string &path) const
{
    const char *text = detail::c_string(path);
    detail::call([&] { return tenas_context_report_with_table(get(), table.get(), text); });
}

} // namespace tenas

#endif // TENAS_TENAS_HPP
