/*
 * Every class and function of tenas.hpp, used well and badly.
 *
 * Usage: bindings FOLDER, a writable folder. The last line of stdout counts the checks; the exit status
 * is 1 if one failed.
 */

#include <tenas/tenas.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <set>
#include <sstream>
#include <thread>
#include <type_traits>

#include "second.hpp"

using namespace std::chrono_literals;

namespace {

int passed, failed;

void check(bool good, int line, const char *what, const std::string &more = "")
{
    if (good) {
        ++passed;
        return;
    }
    ++failed;
    std::cout << "bindings.cpp:" << line << ": FAILED: " << what << ": " << more << '\n';
}

#define CHECK(condition) check((condition), __LINE__, #condition)

template <class Function>
void check_error(int line, const char *what, tenas::Status code, const std::string &words,
                 Function function)
{
    try {
        function();
        check(false, line, what, "nothing was thrown");
    } catch (const tenas::Error &error) {
        check(error.code() == code, line, what, to_string(error.code()) + ": " + error.what());
        check(std::strstr(error.what(), words.c_str()) != nullptr, line, what, error.what());
    } catch (...) {
        check(false, line, what, "something else was thrown");
    }
}

/* The expression throws a tenas::Error of this code, with these words in its message. */
#define FAILS(code, words, ...)                                                             \
    check_error(__LINE__, #__VA_ARGS__, tenas::Status::code, words,                         \
                [&] { static_cast<void>(__VA_ARGS__); })

/* The expression throws an object of this type; what it has is compared. */
#define THROWS(type, condition, ...)                                                        \
    do {                                                                                    \
        try {                                                                               \
            static_cast<void>(__VA_ARGS__);                                                 \
            check(false, __LINE__, #__VA_ARGS__, "nothing was thrown");                     \
        } catch (const type &thrown) {                                                      \
            static_cast<void>(thrown);                                                      \
            check((condition), __LINE__, #__VA_ARGS__);                                     \
        } catch (const std::exception &other) {                                             \
            check(false, __LINE__, #__VA_ARGS__, other.what());                             \
        }                                                                                   \
    } while (0)

template <class T>
constexpr bool MOVE_ONLY = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>
                           && !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>
                           && std::is_nothrow_destructible_v<T>;
static_assert(MOVE_ONLY<tenas::Config>);
static_assert(MOVE_ONLY<tenas::Dataset>);
static_assert(MOVE_ONLY<tenas::Context>);
static_assert(MOVE_ONLY<tenas::Benchmark>);
static_assert(std::is_base_of_v<std::runtime_error, tenas::Error>);
static_assert(std::is_same_v<std::underlying_type_t<tenas::Status>, tenas_status>);
// A raw pointer changes hands only where that is written.
static_assert(!std::is_convertible_v<tenas_config *, tenas::Config>);
static_assert(std::is_trivially_copyable_v<tenas::Score>);

constexpr tenas::Space NB = tenas::Space::nas_bench_201;
constexpr tenas::DatasetKind CUSTOM = tenas::DatasetKind::custom;
constexpr tenas::Shape SHAPE = {20, 3, 4, 4};

std::string folder;

std::vector<std::uint8_t> pixels()
{
    std::vector<std::uint8_t> all(SHAPE.count * SHAPE.channels * SHAPE.height * SHAPE.width);
    std::uint32_t state = 1;
    for (std::uint8_t &pixel : all)
        pixel = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    return all;
}

tenas::Dataset dataset()
{
    return tenas::Dataset::from_images(pixels(), SHAPE, 10);
}

tenas::Config config()
{
    tenas::Config made(NB, CUSTOM);
    made.set_device(tenas::Device::cpu).set_batch_size(4).set_repeats(1).set_prune_per_edge(2);
    made.set_seed(3);
    return made;
}

tenas::Context context()
{
    return tenas::Context(config(), dataset());
}

const std::string &expected()
{
    static const std::string genotype = [] {
        tenas::Context search = context();
        search.run();
        return search.genotype();
    }();
    return genotype;
}

/* Loads images of pixels(); counts its copies by `alive`. */
struct Images {
    std::vector<std::uint8_t> all = pixels();
    std::shared_ptr<int> alive;
    std::function<void()> before = [] {};

    void operator()(const std::size_t *indices, std::size_t count, std::uint8_t *images) const
    {
        before();
        const std::size_t bytes = SHAPE.channels * SHAPE.height * SHAPE.width;
        for (std::size_t i = 0; i < count; ++i)
            std::copy_n(&all[indices[i] * bytes], bytes, images + i * bytes);
    }
};

void test_version()
{
    CHECK(tenas::version() == TENAS_VERSION);
    CHECK(tenas::abi_version() == TENAS_ABI_VERSION);
    CHECK(tenas::build_info().find("\"version\":\"" TENAS_VERSION "\"") != std::string::npos);
    tenas::detail::check_abi(7, 7);
    FAILS(invalid_state, "found a library of ABI version 8 (" TENAS_VERSION "), expected ABI version 7",
          tenas::detail::check_abi(7, 8));
}

std::vector<std::string> split(const std::string &text)
{
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, ',');)
        parts.push_back(part);
    return parts;
}

void test_enums()
{
    for (int code = 0; code <= TENAS_ERROR_INTERNAL; ++code)
        CHECK(to_string(static_cast<tenas::Status>(code)).rfind(code == 0 ? "TENAS_OK" : "TENAS_ERROR_", 0)
              == 0);
    CHECK(to_string(tenas::Status::io) == "TENAS_ERROR_IO");
    CHECK(to_string(static_cast<tenas::Status>(99)) == "unknown status");
    CHECK(to_string(tenas::Space::nas_bench_201) == "nas-bench-201");
    CHECK(to_string(tenas::Space::darts) == "darts");
    CHECK(to_string(static_cast<tenas::Space>(99)) == "unknown");
    CHECK(to_string(tenas::GenotypeFormat::native) == "native");
    CHECK(to_string(tenas::GenotypeFormat::json) == "json");
    CHECK(to_string(tenas::ParameterType::uint32) == "uint32");
    CHECK(to_string(tenas::ParameterType::uint64) == "uint64");
    CHECK(to_string(tenas::ParameterType::choice) == "choice");
    CHECK(to_string(tenas::LogLevel::error) == "error");
    CHECK(to_string(tenas::LogLevel::warning) == "warning");
    CHECK(to_string(tenas::LogLevel::info) == "info");
    CHECK(to_string(tenas::LogLevel::debug) == "debug");
    CHECK(to_string(tenas::Direction::lower) == "lower");
    CHECK(to_string(static_cast<tenas::Direction>(9)) == "unknown");
    CHECK(to_string(tenas::ProxyCost::reverse) == "reverse");
    CHECK(to_string(static_cast<tenas::ProxyCost>(9)) == "unknown");

    // The names that the library has.
    for (const tenas::Parameter &p : tenas::parameters(NB, CUSTOM)) {
        if (!p.choices) {
            CHECK(p.type != tenas::ParameterType::choice);
            continue;
        }
        const auto first = static_cast<std::int32_t>(p.minimum);
        const std::vector<std::string> names = split(*p.choices);
        for (std::int32_t i = 0; i <= static_cast<std::int32_t>(names.size()); ++i) {
            const std::string name = i == static_cast<std::int32_t>(names.size())
                                         ? "unknown"
                                         : names[static_cast<std::size_t>(i)];
            if (p.name == "init")
                CHECK(to_string(static_cast<tenas::Init>(first + i)) == name);
            else if (p.name == "sampling")
                CHECK(to_string(static_cast<tenas::Sampling>(first + i)) == name);
            else if (p.name == "strategy")
                CHECK(to_string(static_cast<tenas::Strategy>(first + i)) == name);
            else if (p.name == "aggregation")
                CHECK(to_string(static_cast<tenas::Aggregation>(first + i)) == name);
            else if (p.name == "device")
                CHECK(to_string(static_cast<tenas::Device>(first + i)) == name);
            else
                CHECK(!"a choice without an enum");
        }
    }
    for (const tenas::DatasetKind kind :
         {tenas::DatasetKind::cifar10, tenas::DatasetKind::cifar100,
          tenas::DatasetKind::imagenet16_120, tenas::DatasetKind::imagenet, CUSTOM}) {
        const std::string json = tenas::Config(NB, kind).to_json();
        CHECK(json.find("\"dataset\":\"" + to_string(kind) + '"') != std::string::npos);
    }
    CHECK(to_string(static_cast<tenas::DatasetKind>(99)) == "unknown");
}

void test_names()
{
    CHECK(tenas::space_name(NB) == "nas-bench-201");
    CHECK(tenas::space_cell_name(tenas::Space::darts, 1) == "reduction");
    CHECK(tenas::space_edge_name(NB, 0, 0) == "1<-0");
    CHECK(tenas::space_operation_name(NB, 3) == "nor_conv_3x3");
    FAILS(invalid_argument, "tenas_space_name", tenas::space_name(static_cast<tenas::Space>(9)));
    FAILS(invalid_argument, "tenas_space_cell_name", tenas::space_cell_name(NB, 1));
    FAILS(invalid_argument, "tenas_space_edge_name", tenas::space_edge_name(NB, 0, 6));
    FAILS(invalid_argument, "tenas_space_operation_name", tenas::space_operation_name(NB, 5));
    CHECK(tenas::last_error_message().rfind("tenas_space_operation_name", 0) == 0);
}

void test_parameters()
{
    const auto all = tenas::parameters(tenas::Space::darts, tenas::DatasetKind::imagenet);
    CHECK(all.size() == tenas::parameter_count());
    const auto batch = std::find_if(all.begin(), all.end(),
                                    [](const auto &p) { return p.name == "batch_size"; });
    CHECK(batch != all.end() && batch->preset == 24 && batch->minimum == 2 && batch->maximum == 1024
          && batch->decides && batch->type == tenas::ParameterType::uint32 && !batch->choices);
    FAILS(not_found, "tenas_parameter_info", tenas::parameter_info(NB, CUSTOM, all.size()));
    for (const tenas::Parameter &p : all)
        CHECK(tenas::Config(tenas::Space::darts, tenas::DatasetKind::imagenet).parameter(p.name)
              == p.preset);
}

void test_config()
{
    tenas::Config c(tenas::Space::darts, tenas::DatasetKind::imagenet);
    CHECK(c.space() == tenas::Space::darts && c.dataset() == tenas::DatasetKind::imagenet);
    CHECK(c.seed() == 0 && c.repeats() == 3 && c.batch_size() == 24 && c.prune_per_edge() == 2
          && c.score_decimals() == 3 && c.threads() == 0);
    CHECK(c.init() == tenas::Init::kaiming_normal && c.sampling() == tenas::Sampling::common);
    CHECK(c.device().kind == tenas::Device::automatic && c.device().index == 0);

    c.set_seed(std::numeric_limits<std::uint64_t>::max()).set_repeats(5).set_batch_size(6);
    c.set_prune_per_edge(4).set_score_decimals(7).set_threads(2).set_device(tenas::Device::cpu);
    c.set_init(tenas::Init::torch_default).set_sampling(tenas::Sampling::independent);
    CHECK(c.seed() == std::numeric_limits<std::uint64_t>::max() && c.repeats() == 5
          && c.batch_size() == 6 && c.prune_per_edge() == 4 && c.score_decimals() == 7
          && c.threads() == 2);
    CHECK(c.init() == tenas::Init::torch_default && c.sampling() == tenas::Sampling::independent);
    CHECK(c.device().kind == tenas::Device::cpu);
    c.set_parameter("repeats", 9);
    CHECK(c.repeats() == 9 && c.parameter("repeats") == 9u && !c.parameter("repetitions"));

    FAILS(invalid_argument, "repeats: found 0, expected 1", c.set_repeats(0));
    FAILS(invalid_argument, "repeats: found 0", c.set_parameter("repeats", 0));
    FAILS(not_found, "repetitions", c.set_parameter("repetitions", 1));
    FAILS(invalid_argument, "batch_size", c.set_batch_size(1));
    FAILS(invalid_argument, "prune_per_edge", c.set_prune_per_edge(0));
    FAILS(invalid_argument, "score_decimals", c.set_score_decimals(16));
    FAILS(invalid_argument, "threads", c.set_threads(2000));
    FAILS(invalid_argument, "init", c.set_init(static_cast<tenas::Init>(7)));
    FAILS(invalid_argument, "sampling", c.set_sampling(static_cast<tenas::Sampling>(7)));
    FAILS(invalid_argument, "index", c.set_device(tenas::Device::cpu, 1));
    FAILS(invalid_argument, "space", tenas::Config(static_cast<tenas::Space>(7), CUSTOM));
    CHECK(c.repeats() == 9);

    const tenas::Config again = tenas::Config::from_json(c.to_json());
    CHECK(again.to_json() == c.to_json() && again.seed() == c.seed());
    FAILS(format, "sede", tenas::Config::from_json(R"({"space":"darts","dataset":"custom","sede":1})"));
    FAILS(invalid_argument, "NUL", tenas::Config::from_json(std::string("{}\0", 3)));

    tenas::Config moved = std::move(c);
    CHECK(moved.repeats() == 9 && c.get() == nullptr);
    FAILS(null_pointer, "config", c.seed());
    FAILS(null_pointer, "config", c.set_seed(1));
    FAILS(null_pointer, "config", c.to_json());
    c = tenas::Config(NB, CUSTOM);
    CHECK(c.space() == NB);
    c = std::move(moved);
    CHECK(c.space() == tenas::Space::darts && moved.get() == nullptr);

    tenas_config *raw = c.release();
    CHECK(c.get() == nullptr && raw != nullptr);
    const tenas::Config owner(raw);
    CHECK(owner.get() == raw && owner.repeats() == 9);
}

void test_scores()
{
    std::set<std::string> names;
    for (std::size_t i = 0; i < tenas::proxy_count(); ++i) {
        const tenas::Proxy proxy = tenas::proxy_info(i);
        CHECK(!proxy.title.empty() && !proxy.source.empty());
        CHECK(to_string(proxy.direction) != "unknown" && to_string(proxy.cost) != "unknown");
        names.insert(proxy.name);
    }
    CHECK(names.count("ntk") == 1 && names.count("flops") == 1);
    FAILS(not_found, "tenas_proxy_info", tenas::proxy_info(tenas::proxy_count()));

    tenas::Config config(NB, CUSTOM);
    config.set_batch_size(4).set_repeats(1).set_device(tenas::Device::cpu);
    const std::vector<std::string> proxies{"ntk", "flops"};
    const std::vector<std::string> genotypes{tenas::genotype_at(NB, 11718),
                                             tenas::genotype_at(NB, 0)};
    int calls = 0;
    const auto found = tenas::scores_of_many(config, dataset(), proxies, genotypes,
                                             [&](const tenas::Progress &) { return ++calls > 0; });
    CHECK(calls == 2 && found.means.size() == 4 && found.spreads.size() == 4);
    CHECK(found.connected == std::vector<std::int32_t>({1, 0}));
    const auto known = tenas::indicators_of(config, dataset(), genotypes[0]);
    CHECK(found.means[0] == known.ntk.mean);
    const auto totals = tenas::aggregate(tenas::Aggregation::ranks, proxies, found.means);
    CHECK(totals.size() == 2 && totals[0] == 2 && totals[1] == 4);
    FAILS(not_found, "psychic", tenas::scores_of_many(config, dataset(), {"psychic"}, genotypes));
    FAILS(cancelled, "cancelled",
          tenas::scores_of_many(config, dataset(), proxies, genotypes,
                                [](const tenas::Progress &) { return false; }));
    FAILS(not_found, "psychic", tenas::aggregate(tenas::Aggregation::ranks, {"psychic"}, {1.0}));
}

void test_ranking()
{
    tenas::Config config(NB, CUSTOM);
    CHECK(config.strategy() == tenas::Strategy::prune);
    config.set_strategy(tenas::Strategy::rank).set_proxies("flops,ntk").set_seed(3);
    config.set_batch_size(4).set_device(tenas::Device::cpu);
    config.set_proxy_network(std::nullopt, {0, 1, 0, 0}).set_proxy_network("ntk", {2, 0, 0, 0});
    config.set_parameter("budget", 20).set_parameter("rungs", 2);
    CHECK(config.strategy() == tenas::Strategy::rank && config.proxies() == "flops,ntk");
    CHECK(config.proxy_network().cells == 1 && config.proxy_network("ntk").channels == 2);
    CHECK(to_string(config.strategy()) == "rank"
          && to_string(static_cast<tenas::Aggregation>(*config.parameter("aggregation")))
                 == "log_ranks");
    FAILS(not_found, "psychic", config.set_proxies("psychic"));
    FAILS(invalid_argument, "strategy", config.set_strategy(static_cast<tenas::Strategy>(7)));
    FAILS(invalid_argument, "cells", config.set_proxy_network(std::nullopt, {0, 65, 0, 0}));

    tenas::Context context(config, dataset()), worker(config, dataset());
    CHECK(context.ranking_count() == 0);
    for (bool finished = false; !finished;) {
        const std::size_t count = context.candidate_count();
        const auto all = context.measure(0, count);
        CHECK(all.size() == count * context.draws());
        worker.settle(all);
        finished = context.settle(all);
    }
    CHECK(context.is_finished() && context.ranking_count() == 20);
    const tenas::Ranked best = context.ranked(0);
    CHECK(best.connected && best.rung == 1 && best.values.size() == 2 && best.ranks[0] >= 1);
    CHECK(context.ranked_genotype(0) == context.genotype());
    CHECK(tenas::genotype_index(NB, context.genotype()) == best.number);
    CHECK(worker.ranked(0).number == best.number && worker.ranked(0).total == best.total);
    CHECK(context.work().done == context.work().all && context.work().all > 20);
    FAILS(not_found, "index", context.ranked(20));
    FAILS(invalid_state, "found rank", context.evaluate(0, 0));
}

void test_dataset()
{
    const tenas::Dataset images = dataset();
    const tenas::DatasetFacts facts = images.info();
    CHECK(facts.shape.count == 20 && facts.shape.channels == 3 && facts.shape.height == 4
          && facts.shape.width == 4 && facts.classes == 10 && facts.skipped == 0
          && facts.kind == CUSTOM);
    CHECK(images.source() == "images in memory");
    const tenas::Dataset same = tenas::Dataset::from_images(pixels().data(), SHAPE, 10);
    CHECK(same.digest() == images.digest());

    const tenas::Normalisation norm{{100, 110, 120}, {50, 60, 70}};
    CHECK(tenas::Dataset::from_images(pixels(), SHAPE, 10, norm).digest() != images.digest());
    FAILS(invalid_argument, "found 960 bytes, expected 21 x 3 x 4 x 4",
          tenas::Dataset::from_images(pixels(), {21, 3, 4, 4}, 10));
    FAILS(invalid_argument, "found 960 bytes",
          tenas::Dataset::from_images(pixels(), {0, 3, 4, 4}, 10));
    const std::size_t huge = std::numeric_limits<std::size_t>::max() / 2 + 1;
    FAILS(invalid_argument, "found 960 bytes",
          tenas::Dataset::from_images(pixels(), {huge, 2, 4, 4}, 10));
    FAILS(invalid_argument, "found 2 means and 3 standard deviations, expected 3 of each",
          tenas::Dataset::from_images(pixels(), SHAPE, 10, tenas::Normalisation{{1, 2}, {1, 2, 3}}));
    FAILS(invalid_argument, "stddev",
          tenas::Dataset::from_images(pixels(), SHAPE, 10,
                                      tenas::Normalisation{{1, 2, 3}, {1, 0, 3}}));
    FAILS(null_pointer, "images",
          tenas::Dataset::from_images(static_cast<const std::uint8_t *>(nullptr), SHAPE, 10));
    FAILS(invalid_argument, "classes", tenas::Dataset::from_images(pixels(), SHAPE, 0));

    FAILS(io, "/no/such", tenas::Dataset::open(tenas::DatasetKind::cifar10, "/no/such"));
    FAILS(invalid_argument, "NUL",
          tenas::Dataset::open(tenas::DatasetKind::cifar10, std::string("a\0b", 3)));
    const std::string file = folder + "/data_batch_1.bin";
    std::ofstream(file, std::ios::binary) << std::string(20 * 3073, '\1');
    const tenas::Dataset opened = tenas::Dataset::open(tenas::DatasetKind::cifar10, file);
    CHECK(opened.info().shape.count == 20 && opened.info().kind == tenas::DatasetKind::cifar10);
    CHECK(opened.source().find(file) != std::string::npos);

    const tenas::Dataset synthetic = tenas::Dataset::synthetic(tenas::DatasetKind::imagenet16_120, 4);
    CHECK(synthetic.info().shape.count == 10000 && synthetic.info().shape.height == 16);
    FAILS(invalid_argument, "dataset", tenas::Dataset::synthetic(CUSTOM, 0));

    tenas::Dataset moved = dataset();
    tenas::Dataset taken = std::move(moved);
    FAILS(null_pointer, "dataset", moved.info());
    FAILS(null_pointer, "dataset", moved.digest());
    FAILS(null_pointer, "dataset", tenas::Context(config(), moved));
    const tenas::Dataset owner(taken.release());
    CHECK(owner.digest() == images.digest());
}

void test_loader()
{
    auto alive = std::make_shared<int>();
    std::weak_ptr<int> watch = alive;
    {
        Images loader;
        loader.alive = std::move(alive);
        tenas::Dataset images = tenas::Dataset::from_callback(SHAPE, 10, std::move(loader), "mine");
        CHECK(images.source().find("mine") != std::string::npos);
        tenas::Context search(config(), images);
        images = dataset();
        CHECK(!watch.expired()); // the search has it
        search.run();
        CHECK(search.genotype() == expected());
    }
    CHECK(watch.expired());

    // What a loader throws comes out, and it is released.
    alive = std::make_shared<int>();
    watch = alive;
    Images broken;
    broken.alive = std::move(alive);
    broken.before = [] { throw std::out_of_range("no such shelf"); };
    THROWS(std::out_of_range, std::string(thrown.what()) == "no such shelf",
           tenas::Dataset::from_callback(SHAPE, 10, broken, "mine"));
    broken = {};
    CHECK(watch.expired());

    const tenas::Normalisation norm{{100, 110, 120}, {50, 60, 70}};
    FAILS(null_pointer, "load", tenas::Dataset::from_callback(SHAPE, 10, nullptr, "mine"));
    FAILS(invalid_argument, "id", tenas::Dataset::from_callback(SHAPE, 10, Images(), "", norm));
    FAILS(invalid_argument, "NUL",
          tenas::Dataset::from_callback(SHAPE, 10, Images(), std::string("\0", 1), norm));
    FAILS(invalid_argument, "expected 3 of each",
          tenas::Dataset::from_callback(SHAPE, 10, Images(), "mine", tenas::Normalisation{}));

    // In the middle of a search; then it goes on to the same end.
    int left = 3;
    Images tired;
    tired.before = [&] {
        if (left-- == 0)
            throw 42;
    };
    const tenas::Dataset undisturbed = tenas::Dataset::from_callback(SHAPE, 10, Images(), "mine", norm);
    const tenas::Dataset disturbed = tenas::Dataset::from_callback(SHAPE, 10, tired, "mine", norm);
    tenas::Context plain(config(), undisturbed), search(config(), disturbed);
    plain.run();
    THROWS(int, thrown == 42, search.run());
    search.run();
    CHECK(search.records_json() == plain.records_json());
    left = 0;
    THROWS(int, thrown == 42, tenas::indicators_of(config(), disturbed, expected()));

    // By way of a C function it is a status.
    left = 0;
    tenas_indicators c{};
    c.struct_size = sizeof c;
    CHECK(tenas_indicators_of(config().get(), disturbed.get(), expected().c_str(), &c)
          == TENAS_ERROR_IO);
}

void test_search()
{
    tenas::Context search = context();
    FAILS(invalid_state, "tenas_context_genotype", search.genotype());
    CHECK(!search.is_finished() && search.record_count() == 0 && search.round_count() == 0);
    CHECK(search.device().kind == tenas::Device::cpu && search.device().index == 0);
    CHECK(search.config().to_json() == config().to_json());
    const tenas::Progress before = search.progress();
    CHECK(before.round == 0 && before.rounds == 2 && before.candidate == 0 && before.elapsed == 0s);

    std::vector<tenas::Progress> seen;
    search.set_progress([&](const tenas::Progress &p) {
        seen.push_back(p);
        return true;
    });
    CHECK(!search.run_round() && search.run_round() && search.run_round());
    CHECK(search.is_finished() && search.progress().round == 2 && search.genotype() == expected());
    CHECK(seen.size() == search.record_count() && seen.front().candidate == 1
          && seen.front().candidates == 24 && seen.back().round == 1 && seen.back().elapsed > 0s
          && seen.back().elapsed <= search.progress().elapsed);
    CHECK(search.genotype(tenas::GenotypeFormat::json).front() == '{');
    FAILS(invalid_argument, "format", search.genotype(static_cast<tenas::GenotypeFormat>(7)));

    const std::vector<tenas::Record> records = search.records();
    const std::vector<tenas::Round> rounds = search.rounds();
    CHECK(records.size() == search.record_count() && rounds.size() == 2);
    for (std::size_t i = 0; i < records.size(); ++i) {
        tenas_record c{};
        c.struct_size = sizeof c;
        CHECK(tenas_context_record(search.get(), i, &c) == TENAS_OK);
        const tenas::Record &r = records[i];
        CHECK(r.round == c.round && r.cell == c.cell && r.edge == c.edge && r.operation == c.operation
              && r.ntk_rank == c.ntk_rank && r.regions_rank == c.regions_rank
              && r.pruned == (c.pruned == 1));
        CHECK(!(r.ntk_delta < c.ntk_delta) && !(r.ntk_delta > c.ntk_delta)
              && !(r.ntk_now < c.ntk_now) && !(r.ntk_now > c.ntk_now)
              && !(r.regions_without < c.regions_without) && !(r.regions_without > c.regions_without));
    }
    CHECK(rounds[0].first_record == 0 && rounds[0].candidates == 24 && rounds[1].first_record == 24
          && rounds[1].round == 1 && rounds[0].ntk > 0 && rounds[0].regions > 0);
    CHECK(std::count_if(records.begin(), records.end(), [](const auto &r) { return r.pruned; })
          == static_cast<std::ptrdiff_t>(rounds[0].pruned + rounds[1].pruned));
    FAILS(not_found, "index", search.record(records.size()));
    FAILS(not_found, "index", search.round(2));
    CHECK(search.records_json().find("\"rounds\":[") != std::string::npos);
    FAILS(invalid_argument, "batch",
          tenas::Context(tenas::Config(NB, CUSTOM).set_batch_size(21), dataset()));
}

void test_callbacks()
{
    // false cancels; the next run goes on.
    tenas::Context search = context();
    int calls = 0;
    search.set_progress([&](const tenas::Progress &) { return ++calls != 5; });
    FAILS(cancelled, "tenas_context_run", search.run());
    CHECK(search.progress().candidate == 5);
    search.run();
    CHECK(search.genotype() == expected() && calls == 36);

    // An exception too; it keeps its type, and at whichever candidate it comes the search goes on.
    for (const int at : {1, 24, 36}) {
        tenas::Context thrower = context();
        int count = 0;
        thrower.set_progress([&](const tenas::Progress &p) -> bool {
            if (++count == at)
                throw std::domain_error("candidate " + std::to_string(p.candidate));
            return true;
        });
        THROWS(std::domain_error, std::string(thrown.what()).rfind("candidate ", 0) == 0, thrower.run());
        CHECK(count == at);
        thrower.run();
        CHECK(thrower.genotype() == expected());
    }
    tenas::Context rounds = context();
    rounds.set_progress([](const tenas::Progress &) -> bool { throw std::string("round"); });
    THROWS(std::string, thrown == "round", rounds.run_round());
    THROWS(std::string, thrown == "round", rounds.evaluate(0, 24));
    rounds.set_progress(nullptr);
    rounds.run();
    CHECK(rounds.genotype() == expected());

    // What works from inside, and what does not.
    tenas::Context inside = context();
    const tenas::Context *self = &inside;
    bool looked = false;
    inside.set_progress([&](const tenas::Progress &p) {
        if (p.candidate == 2) {
            FAILS(busy, "tenas_context_is_finished", self->is_finished());
            FAILS(busy, "tenas_context_set_progress", inside.set_progress(nullptr));
            FAILS(busy, "tenas_context_set_log", inside.set_log(nullptr));
            FAILS(busy, "tenas_context_set_progress", inside.release());
            CHECK(self->progress().candidate == p.candidate);
            // A search inside a search: its exceptions are its own.
            tenas::Context other = context();
            other.set_progress([](const tenas::Progress &) -> bool { throw 7; });
            THROWS(int, thrown == 7, other.run());
            other.set_progress(nullptr);
            CHECK(run_in_second_unit(other) == expected());
            looked = true;
        }
        if (p.candidate == 3)
            self->cancel();
        return true;
    });
    FAILS(cancelled, "tenas_context_run", inside.run());
    CHECK(looked);
    inside.set_progress(throw_second_error);
    THROWS(SecondError, true, inside.run());
    inside.cancel();
    inside.clear_cancel();
    inside.set_progress(nullptr);
    inside.run();
    CHECK(inside.genotype() == expected());

    // From another thread.
    tenas::Context far = context();
    std::atomic<bool> started{false};
    far.set_progress([&](const tenas::Progress &) {
        started = true;
        while (started)
            std::this_thread::yield();
        return true;
    });
    std::thread canceller([&] {
        while (!started)
            std::this_thread::yield();
        far.cancel();
        started = false;
    });
    FAILS(cancelled, "", far.run());
    canceller.join();

    // Callbacks go where the search goes.
    int moved_calls = 0;
    tenas::Context first = context();
    first.set_progress([&](const tenas::Progress &) { return ++moved_calls != 0; });
    first.set_log([&](tenas::LogLevel, const std::string &) { ++moved_calls; });
    tenas::Context second = std::move(first);
    second.run_round();
    CHECK(moved_calls > 24);
    second = context();
    second.run();
    first = std::move(second);
    CHECK(first.genotype() == expected());
    FAILS(null_pointer, "context", second.run());
    FAILS(null_pointer, "context", second.set_progress([](const auto &) { return true; }));
    FAILS(null_pointer, "context", second.mask());
    second.cancel();
    second.clear_cancel();

    tenas::Context left = context();
    left.set_progress([](const tenas::Progress &) -> bool { throw 1; });
    left.set_log([](tenas::LogLevel, const std::string &) { throw 1; });
    tenas::Context owner(left.release());
    owner.run(); // without them
    CHECK(owner.genotype() == expected());
}

void test_log()
{
    tenas::Context search = context();
    std::set<tenas::LogLevel> levels;
    std::string lines;
    search.set_log([&](tenas::LogLevel level, const std::string &line) {
        levels.insert(level);
        lines += line + '\n';
    });
    search.set_checkpoint(folder + "/log.json", 1h);
    search.run();
    CHECK(levels.count(tenas::LogLevel::info) == 1 && levels.count(tenas::LogLevel::debug) == 1);
    CHECK(lines.find("round") != std::string::npos);

    // It stops the search where it is.
    tenas::Context stopped = context();
    stopped.set_log([](tenas::LogLevel, const std::string &) { throw std::length_error("line"); });
    THROWS(std::length_error, true, stopped.run());
    CHECK(!stopped.is_finished() && stopped.progress().round == 0);

    // Whichever line throws, the call stops and throws, and the search goes on to the same end.
    const auto count = static_cast<int>(std::count(lines.begin(), lines.end(), '\n'));
    for (int at = 1; at <= count; ++at) {
        tenas::Context thrower = context();
        int line = 0;
        thrower.set_log([&](tenas::LogLevel, const std::string &) {
            if (++line == at)
                throw std::length_error("line");
        });
        THROWS(std::length_error, true, (thrower.set_checkpoint(folder + "/log.json", 1h), thrower.run()));
        CHECK(line == at);
        thrower.run();
        CHECK(thrower.genotype() == expected());
    }
}

void test_checkpoints()
{
    const std::string file = folder + "/search.json";
    tenas::Context search = context();
    search.run_round();
    search.save(file);
    const tenas::Dataset images = dataset();
    tenas::Context loaded = tenas::Context::load(file, images);
    loaded.run();
    CHECK(loaded.genotype() == expected());
    const tenas::Config machine = std::move(tenas::Config(NB, CUSTOM).set_threads(1));
    tenas::Context elsewhere = tenas::Context::load(file, images, &machine);
    CHECK(elsewhere.config().threads() == 1);
    elsewhere.run();
    CHECK(elsewhere.records_json() == loaded.records_json());

    const std::string page = file + ".html", lines = file + ".jsonl";
    loaded.set_trace(lines);
    loaded.clear_trace();
    loaded.report(page);
    FAILS(format, "expected a trace", loaded.set_trace(page));
    FAILS(io, "missing", loaded.report("missing/report.html"));
    std::remove(page.c_str());
    std::remove(lines.c_str());

    FAILS(io, "/no/such", search.save("/no/such/search.json"));
    FAILS(io, "/no/such", search.set_checkpoint("/no/such/search.json", 1s));
    FAILS(invalid_argument, "seconds", search.set_checkpoint(file, -1s));
    FAILS(invalid_argument, "NUL", search.save(std::string("a\0b", 3)));
    FAILS(io, "/no/such", tenas::Context::load("/no/such/search.json", images));
    FAILS(invalid_argument, "digest",
          tenas::Context::load(file, tenas::Dataset::synthetic(tenas::DatasetKind::cifar10, 1)));
    std::ofstream(folder + "/none.json") << "{}";
    FAILS(format, "none.json", tenas::Context::load(folder + "/none.json", images));

    tenas::Context saving = context();
    saving.set_checkpoint(file, 0s);
    saving.set_progress([](const tenas::Progress &p) { return p.candidate != 7; });
    FAILS(cancelled, "", saving.run());
    CHECK(tenas::Context::load(file, images).progress().candidate == 7);
    saving.set_checkpoint(file, 500ms);
    saving.clear_checkpoint();
    saving.set_progress(nullptr);
    saving.run();
    CHECK(!tenas::Context::load(file, images).is_finished());
}

void test_pieces()
{
    tenas::Context here = context(), there = context();
    for (bool finished = false; !finished;) {
        const std::size_t count = here.candidate_count();
        std::vector<tenas::Score> scores = here.evaluate(0, count / 3);
        for (const tenas::Score &score : there.evaluate(count / 3, count - count / 3))
            scores.push_back(score);
        FAILS(invalid_argument, "tenas_context_apply", here.apply({scores.begin(), scores.end() - 1}));
        finished = here.apply(scores);
        std::reverse(scores.begin(), scores.end());
        const std::string json = tenas::scores_to_json(scores);
        CHECK(there.apply(tenas::scores_from_json(json)) == finished);
    }
    CHECK(here.genotype() == expected() && here.records_json() == there.records_json());
    CHECK(here.candidate_count() == 0 && here.evaluate(0, 0).empty() && here.apply({}));
    CHECK(tenas::scores_from_json(tenas::scores_to_json({})).empty());
    FAILS(format, "format: found nothing", tenas::scores_from_json("{}"));
    FAILS(invalid_argument, "NUL", tenas::scores_from_json(std::string("a\0b", 3)));
    tenas::Measurement measured{};
    measured.digest = 1;
    measured.count = 2;
    measured.values[1] = 0.1;
    const std::string measurements = tenas::measurements_to_json({measured});
    const std::vector<tenas::Measurement> back = tenas::measurements_from_json(measurements);
    CHECK(back.size() == 1 && std::memcmp(&back[0], &measured, sizeof measured) == 0);
    FAILS(format, "\"tenas measurements\"", tenas::measurements_from_json("{\"format\":1}"));
    measured.count = 17;
    FAILS(invalid_argument, "at most 16", tenas::measurements_to_json({measured}));
    FAILS(invalid_argument, "count", here.evaluate(0, 1));
    FAILS(invalid_argument, "count", context().evaluate(0, std::numeric_limits<std::size_t>::max()));

    tenas::Context pruned = context();
    std::vector<std::uint8_t> mask = pruned.mask();
    CHECK(mask.size() == 30 && std::count(mask.begin(), mask.end(), 1) == 24);
    pruned.prune(0, 0, 3);
    mask[3] = 0;
    CHECK(pruned.mask() == mask);
    FAILS(invalid_argument, "edge", pruned.prune(0, 6, 1));
    FAILS(invalid_state, "tenas_context_prune", pruned.prune(0, 0, 3));
    CHECK(pruned.records_json().find("\"pruned_by_host\":[{") != std::string::npos);
}

void test_genotypes()
{
    const std::string text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|";
    const std::vector<std::uint32_t> operations = {4, 2, 1, 0, 0, 3};
    CHECK(tenas::genotype_count(NB) == 15625);
    CHECK(tenas::genotype_to_operations(NB, text) == operations);
    CHECK(tenas::genotype_from_operations(NB, operations) == text);
    const std::string json = tenas::genotype_convert(NB, text, tenas::GenotypeFormat::json);
    CHECK(json.front() == '{' && tenas::genotype_convert(NB, json, tenas::GenotypeFormat::native) == text);
    const std::optional<std::uint64_t> index = tenas::genotype_index(NB, text);
    CHECK(index == std::uint64_t{((4 * 5 + 2) * 5 + 1) * 125 + 3});
    CHECK(tenas::genotype_at(NB, *index) == text);
    CHECK(tenas::genotype_at(NB, *index, tenas::GenotypeFormat::json) == json);
    CHECK(tenas::genotype_sample(NB, 1, 0) == tenas::genotype_sample(NB, 1, 0)
          && tenas::genotype_sample(NB, 1, 0) != tenas::genotype_sample(NB, 1, 1));
    CHECK(!tenas::genotype_canonical(NB, text).empty());
    CHECK(tenas::genotype_to_operations(
              tenas::Space::darts, tenas::genotype_sample(tenas::Space::darts, 1, 1)).size() == 28);

    CHECK(tenas::genotype_svg(NB, text).rfind("<svg ", 0) == 0);
    FAILS(format, "byte 0", tenas::genotype_svg(NB, "none"));
    CHECK(tenas::scatter_svg("a", "b", {1, 2, 3}, {1, 2, 3}).find("= 1</text>") != std::string::npos);
    FAILS(invalid_argument, "y: found 1", tenas::scatter_svg("a", "b", {1, 2}, {1}));
    FAILS(invalid_argument, "at least 2", tenas::scatter_svg("a", "b", {1}, {1}));
    FAILS(format, "byte 0", tenas::genotype_convert(NB, "none", tenas::GenotypeFormat::native));
    FAILS(format, "byte 0", tenas::genotype_index(NB, "none"));
    FAILS(format, "byte 0", tenas::genotype_canonical(NB, "none"));
    FAILS(format, "byte 0", tenas::genotype_to_operations(NB, "none"));
    FAILS(not_found, "index", tenas::genotype_at(NB, 15625));
    FAILS(invalid_argument, "count", tenas::genotype_from_operations(NB, {}));
    FAILS(invalid_argument, "operation", tenas::genotype_from_operations(NB, {5, 0, 0, 0, 0, 0}));
    FAILS(invalid_argument, "space", tenas::genotype_count(static_cast<tenas::Space>(9)));
    FAILS(invalid_argument, "NUL", tenas::genotype_convert(NB, text + '\0', tenas::GenotypeFormat::json));
}

/** Two blocks, each a convolution or none, and how wide they are. */
const char *const CHAIN = R"({
    "format": "tenas space", "version": 1, "name": "chain",
    "operations": [
        {"name": "skip", "layers": []},
        {"name": "conv3", "layers": [{"conv": {"kernel": 3}}, "batch_norm", "relu"]},
        {"name": "narrow", "value": 1}, {"name": "wide", "value": 2}],
    "choices": [
        {"name": "blocks", "options": ["skip", "conv3"], "edges": ["a", "b"]},
        {"name": "width", "options": ["narrow", "wide"], "edges": ["all"]}],
    "macros": {"net": {
        "stem": [{"channels": "width.all", "layers": [{"conv": {"kernel": 3}}, "batch_norm"]}],
        "body": [{"choice": "blocks.a", "channels": "width.all"},
                 {"choice": "blocks.b", "channels": "width.all"}]}},
    "networks": {"ntk": {"macro": "net", "channels": 2}, "thin": {"macro": "net", "channels": 1},
        "training": {"macro": "net", "channels": 16}}
})";

void test_search_spaces()
{
    const auto native = tenas::GenotypeFormat::native, json = tenas::GenotypeFormat::json;
    const tenas::SearchSpace chain = tenas::SearchSpace::from_json(CHAIN);
    const tenas::SearchSpace again = tenas::SearchSpace::from_json(chain.to_json());
    CHECK(chain.name() == "chain" && chain.digest() == again.digest());
    CHECK(chain.cell_count() == 2 && chain.cell_name(1) == "width");
    CHECK(chain.edge_count(0) == 2 && chain.edge_name(0, 1) == "b");
    CHECK(chain.operation_count() == 4 && chain.operation_name(3) == "wide");
    CHECK(chain.offers(0, 0, 1) && !chain.offers(0, 0, 3));
    CHECK(chain.parameter_info(tenas::DatasetKind::custom, 0).name
          == tenas::parameter_info(NB, tenas::DatasetKind::custom, 0).name);

    const std::string text = "chain[blocks: skip, conv3; width: wide]";
    const std::string other = "chain[blocks: conv3, skip; width: wide]";
    CHECK(chain.genotype_count() == 8 && chain.genotype_at(3) == text);
    CHECK(chain.genotype_index(text) == std::uint64_t{3});
    CHECK(chain.genotype_convert(chain.genotype_convert(text, json), native) == text);
    CHECK(chain.genotype_canonical(text) == chain.genotype_canonical(other));
    CHECK(chain.genotype_svg(text).find("conv3") != std::string::npos);
    const std::vector<std::uint32_t> operations = {0, 1, 3};
    CHECK(chain.genotype_to_operations(text) == operations);
    CHECK(chain.genotype_from_operations(operations) == text);
    CHECK(chain.genotype_sample(1, 0) == chain.genotype_sample(1, 0));
    CHECK(chain.genotype_mutate(text, 1, 0) == chain.genotype_mutate(text, 1, 0)
          && chain.genotype_mutate(text, 1, 0) != text);

    tenas::Config c(chain, tenas::DatasetKind::custom);
    CHECK(static_cast<int>(c.space()) == 0 && c.search_space().digest() == chain.digest());
    CHECK(tenas::Config::from_json(c.to_json()).search_space().digest() == chain.digest());
    CHECK(tenas::SearchSpace(NB).name() == "nas-bench-201");
    CHECK(config().search_space().digest() == tenas::SearchSpace(NB).digest());
    c.set_batch_size(4).set_repeats(1).set_threads(2).set_device(tenas::Device::cpu);
    tenas::Context search(c, dataset());
    search.run();
    CHECK(chain.genotype_index(search.genotype()).has_value());

    FAILS(io, "/no/such", tenas::SearchSpace::open("/no/such"));
    FAILS(format, "format: found nothing", tenas::SearchSpace::from_json("{}"));
    FAILS(invalid_argument, "space", tenas::SearchSpace(static_cast<tenas::Space>(9)));
    FAILS(invalid_argument, "cell: found 2", chain.cell_name(2));
    FAILS(format, "byte 0", chain.genotype_index("none"));
    FAILS(not_found, "index", chain.genotype_at(8));
}

void test_indicators()
{
    const tenas::Config c = config();
    const tenas::Dataset images = dataset();
    const std::vector<std::string> genotypes = {tenas::genotype_sample(NB, 1, 0), expected(),
                                                tenas::genotype_at(NB, 0)};
    std::vector<std::uint32_t> seen;
    const std::vector<tenas::Indicators> all =
        tenas::indicators_of_many(c, images, genotypes, [&](const tenas::Progress &p) {
            seen.push_back(p.candidate * 10 + p.candidates);
            return true;
        });
    CHECK(all.size() == 3 && seen == std::vector<std::uint32_t>({13, 23, 33}));
    const tenas::Indicators one = tenas::indicators_of(c, images, genotypes[1]);
    CHECK(std::memcmp(&one.ntk, &all[1].ntk, sizeof one.ntk) == 0
          && std::memcmp(&one.swap, &all[1].swap, sizeof one.swap) == 0);
    tenas_indicators raw{};
    raw.struct_size = sizeof raw;
    CHECK(tenas_indicators_of(c.get(), images.get(), genotypes[1].c_str(), &raw) == TENAS_OK);
    CHECK(std::memcmp(&raw.ntk, &one.ntk.mean, sizeof raw.ntk) == 0
          && std::memcmp(&raw.regions, &one.regions.mean, sizeof raw.regions) == 0
          && std::memcmp(&raw.naswot, &one.naswot.mean, sizeof raw.naswot) == 0
          && std::memcmp(&raw.swap, &one.swap.mean, sizeof raw.swap) == 0);
    CHECK(one.connected && one.repeats == 1 && one.elapsed > 0s && one.multiply_adds == raw.multiply_adds
          && one.parameters == raw.parameters && one.parameters > 1000);
    CHECK(!all[2].connected && all[2].naswot.mean < one.naswot.mean);
    CHECK(tenas::indicators_of_many(c, images, {}).empty());
    CHECK(tenas::indicators_of_many(c, images, {genotypes[0]}).size() == 1);

    FAILS(cancelled, "", tenas::indicators_of_many(c, images, genotypes,
                                                   [](const tenas::Progress &) { return false; }));
    THROWS(SecondError, true, tenas::indicators_of_many(c, images, genotypes, throw_second_error));
    FAILS(format, "genotypes[1]", tenas::indicators_of_many(c, images, {genotypes[0], "none"}));
    FAILS(format, "byte 0", tenas::indicators_of(c, images, "none"));
    const tenas::Indicators mask = tenas::indicators_of_mask(c, images, context().mask());
    CHECK(mask.connected && mask.ntk.mean > 1);
    FAILS(invalid_argument, "found 0 values, expected 30", tenas::indicators_of_mask(c, images, {}));
}

void test_benchmark()
{
    const std::string path = folder + "/accuracies.tsv";
    const std::string good = tenas::genotype_at(NB, 15624), bad = tenas::genotype_at(NB, 7),
                      gap = tenas::genotype_at(NB, 8), other = tenas::genotype_at(NB, 9);
    std::ofstream(path) << "arch_string\tcifar10_test\tcifar100_test\n"
                        << bad << "\t50.5\t\n" << good << "\t94.25\t70\n" << gap << "\t\t\n";
    tenas::Benchmark table = tenas::Benchmark::open(path);
    const auto cifar10 = tenas::DatasetKind::cifar10;
    CHECK(table.count() == 3 && table.space() == NB && table.genotype(1) == good);
    CHECK(table.ignored() == "[]");
    CHECK(table.find(good) == std::size_t{1} && !table.find(other));
    CHECK(table.accuracy(good, cifar10) == 94.25 && !table.accuracy(gap, cifar10)
          && !table.accuracy(other, cifar10));
    CHECK(table.rank(bad, cifar10) == std::size_t{2} && !table.rank(bad, tenas::DatasetKind::cifar100));
    CHECK(table.best(cifar10) == std::size_t{1} && !table.best(tenas::DatasetKind::imagenet16_120));
    FAILS(not_found, "index", table.genotype(3));
    FAILS(format, "byte 0", table.find("none"));
    FAILS(format, "byte 0", table.accuracy("none", cifar10));
    FAILS(invalid_argument, "dataset", table.best(static_cast<tenas::DatasetKind>(77)));
    FAILS(io, "/no/such", tenas::Benchmark::open("/no/such"));
    const tenas::Benchmark moved = std::move(table);
    CHECK(moved.count() == 3);
    FAILS(null_pointer, "benchmark", table.count());
}

void test_networks()
{
    const tenas::SearchSpace space(NB);
    const std::string cell =
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|avg_pool_3x3~1|none~2|";
    CHECK(tenas::Network(space, cell).info().height == 32);
    tenas::NetworkSettings settings;
    settings.dataset = tenas::DatasetKind::custom;
    settings.channels = 2;
    settings.cells = 1;
    settings.classes = 5;
    settings.image = tenas::NetworkSettings::Image{3, 8, 12};
    settings.init = tenas::Init::torch_default;
    settings.seed = 3;
    tenas::Network network(space, cell, settings);
    CHECK(network.name() == "nas-bench-201");
    const tenas::NetworkFacts facts = network.info();
    CHECK(facts.channels == 3 && facts.height == 8 && facts.width == 12 && facts.classes == 5);
    CHECK(facts.parameters > 0 && facts.multiply_adds > facts.parameters);
    CHECK(network.parameter_name(0) == "stem.0.weight");
    CHECK(network.parameter_name(facts.named_parameters - 1) == "classifier.bias");
    FAILS(not_found, "parameter", network.parameter_name(facts.named_parameters));

    std::vector<float> images(2 * 3 * 8 * 12);
    for (std::size_t i = 0; i < images.size(); ++i)
        images[i] = static_cast<float>(i % 7) - 3;
    const std::vector<float> logits = network.logits(images);
    CHECK(logits.size() == 10 && logits == tenas::Network(space, cell, settings).logits(images));
    images.pop_back();
    FAILS(invalid_argument, "expected a multiple of 288", network.logits(images));

    const std::string path = folder + "/network";
    network.write_onnx(path);
    CHECK(std::ifstream(path).good());
    network.write_pytorch(path);
    std::stringstream code;
    code << std::ifstream(path).rdbuf();
    CHECK(code.str().find("class Network(nn.Module):") != std::string::npos);
    network.write_weights(path);
    const tenas::Network back = [&] {
        network.write_onnx(path);
        return tenas::Network::from_onnx(path);
    }();
    CHECK(back.info().parameters == facts.parameters && back.info().height == 8);
    CHECK(tenas::Network::from_onnx(path, tenas::NetworkSettings::Image{3, 16, 8}).info().height == 16);
    FAILS(invalid_argument, "image channels: found 1, expected 3",
          tenas::Network::from_onnx(path, tenas::NetworkSettings::Image{1, 8, 12}));
    CHECK(std::string(back.note(0)).find("do not reach its output") != std::string::npos);
    FAILS(not_found, "note: found 1, expected a number below 1", back.note(1));
    FAILS(io, "/no/such", tenas::Network::from_onnx("/no/such/network"));
    std::ifstream file(path, std::ios::binary);
    const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
    CHECK(tenas::Network::from_onnx_bytes(bytes).name() == "nas-bench-201");
    FAILS(format, "ONNX", tenas::Network::from_onnx_bytes({1, 2, 3}));

    const auto square = tenas::Network::from_onnx(path, tenas::NetworkSettings::Image{3, 32, 32});
    tenas::Config config(NB, tenas::DatasetKind::cifar10);
    config.set_repeats(1).set_batch_size(4);
    const auto synthetic = tenas::Dataset::synthetic(tenas::DatasetKind::cifar10, 0);
    int calls = 0;
    const auto scores = tenas::networks_score(config, synthetic, {"ntk", "parameters"},
                                              {&square, &square}, tenas::NetworkWeights::kept,
                                              [&](const tenas::Progress &) { return ++calls > 0; });
    CHECK(calls == 2 && scores.means[0] == scores.means[2] && scores.connected[1] == 1);
    CHECK(scores.means[1] == static_cast<double>(facts.parameters) && scores.means[0] > 1);
    CHECK(tenas::networks_score(config, synthetic, {"ntk"}, {&square}).means[0] != scores.means[0]);
    FAILS(invalid_argument, "regions", tenas::networks_score(config, synthetic, {"regions"}, {&square}));
    FAILS(null_pointer, "networks[0]", tenas::networks_score(config, synthetic, {"ntk"}, {nullptr}));
    FAILS(io, "/no/such", network.write_onnx("/no/such/network"));
    FAILS(io, "/no/such", network.write_pytorch("/no/such/network"));
    FAILS(io, "/no/such", network.write_weights("/no/such/network"));

    FAILS(format, "genotype", tenas::Network(space, "|none~0|"));
    settings.channels = 0;
    FAILS(invalid_argument, "found 0", tenas::Network(space, cell, settings));
    settings.channels = 5000;
    FAILS(invalid_argument, "channels: found 5000", tenas::Network(space, cell, settings));
    const tenas::Network moved = std::move(network);
    CHECK(moved.info().classes == 5);
    FAILS(null_pointer, "network", network.info());
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        std::cerr << "Usage: bindings FOLDER\n";
        return 2;
    }
    folder = argv[1];
    try {
        test_version();
        test_enums();
        test_names();
        test_parameters();
        test_config();
        test_scores();
        test_ranking();
        test_dataset();
        test_loader();
        test_search();
        test_callbacks();
        test_log();
        test_checkpoints();
        test_pieces();
        test_genotypes();
        test_search_spaces();
        test_networks();
        test_indicators();
        test_benchmark();
    } catch (const std::exception &error) {
        check(false, 0, "a test threw", error.what());
    }
    std::cout << "bindings.cpp: " << passed << " checks passed, " << failed << " failed\n";
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
