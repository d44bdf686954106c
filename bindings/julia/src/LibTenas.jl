"""
The C ABI as it is: every function, struct and constant of `include/tenas.h`, by the same name and
with the same types. `tenas.h` is their manual. A test compares the two.

The user pointer of a callback is any Julia object here (`Any`). Keep it alive for as long as the
library has it.
"""
module LibTenas

include("library.jl")

const TENAS_ABI_VERSION = 2

const tenas_status = Int32

# Functions that the library calls: made by @cfunction.
const tenas_load_fn = Ptr{Cvoid}
const tenas_release_fn = Ptr{Cvoid}
const tenas_progress_fn = Ptr{Cvoid}
const tenas_log_fn = Ptr{Cvoid}

# Version

tenas_version() = @ccall $(symbol(:tenas_version))()::Cstring
tenas_abi_version() = @ccall $(symbol(:tenas_abi_version))()::UInt32

# Statuses

@enum tenas_status_code::Int32 begin
    TENAS_OK = 0
    TENAS_ERROR_NULL_POINTER = 1
    TENAS_ERROR_INVALID_ARGUMENT = 2
    TENAS_ERROR_INVALID_STATE = 3
    TENAS_ERROR_IO = 4
    TENAS_ERROR_FORMAT = 5
    TENAS_ERROR_DEVICE = 6
    TENAS_ERROR_BUSY = 7
    TENAS_ERROR_CANCELLED = 8
    TENAS_ERROR_BUFFER_TOO_SMALL = 9
    TENAS_ERROR_OUT_OF_MEMORY = 10
    TENAS_ERROR_NOT_FOUND = 11
    TENAS_ERROR_INTERNAL = 12
end

tenas_status_name(status) = @ccall $(symbol(:tenas_status_name))(status::Int32)::Cstring

# Error messages

tenas_last_error_message() = @ccall $(symbol(:tenas_last_error_message))()::Cstring

# Build

tenas_build_info(buffer, capacity, length) =
    @ccall $(symbol(:tenas_build_info))(buffer::Ptr{UInt8}, capacity::Csize_t,
        length::Ptr{Csize_t})::tenas_status

# Search spaces

@enum tenas_space::Int32 begin
    TENAS_SPACE_NAS_BENCH_201 = 1
    TENAS_SPACE_DARTS = 2
end

tenas_space_name(space, out) =
    @ccall $(symbol(:tenas_space_name))(space::Int32, out::Ptr{Cstring})::tenas_status
tenas_space_cell_name(space, cell, out) =
    @ccall $(symbol(:tenas_space_cell_name))(space::Int32, cell::UInt32,
        out::Ptr{Cstring})::tenas_status
tenas_space_edge_name(space, cell, edge, out) =
    @ccall $(symbol(:tenas_space_edge_name))(space::Int32, cell::UInt32, edge::UInt32,
        out::Ptr{Cstring})::tenas_status
tenas_space_operation_name(space, operation, out) =
    @ccall $(symbol(:tenas_space_operation_name))(space::Int32, operation::UInt32,
        out::Ptr{Cstring})::tenas_status

# Configuration

@enum tenas_init::Int32 begin
    TENAS_INIT_KAIMING_NORMAL = 1
    TENAS_INIT_TORCH_DEFAULT = 2
end

@enum tenas_sampling::Int32 begin
    TENAS_SAMPLING_COMMON = 1
    TENAS_SAMPLING_INDEPENDENT = 2
end

@enum tenas_strategy::Int32 begin
    TENAS_STRATEGY_PRUNE = 1
    TENAS_STRATEGY_RANK = 2
end

@enum tenas_aggregation::Int32 begin
    TENAS_AGGREGATION_LOG_RANKS = 1
    TENAS_AGGREGATION_RANKS = 2
end

@enum tenas_device::Int32 begin
    TENAS_DEVICE_AUTO = 0
    TENAS_DEVICE_CPU = 1
    TENAS_DEVICE_CUDA = 2
    TENAS_DEVICE_TORCH_CPU = 3
end

mutable struct tenas_search_space end
mutable struct tenas_config end

tenas_search_space_new(space, out) =
    @ccall $(symbol(:tenas_search_space_new))(space::Int32,
        out::Ptr{Ptr{tenas_search_space}})::tenas_status
tenas_search_space_from_json(json, out) =
    @ccall $(symbol(:tenas_search_space_from_json))(json::Cstring,
        out::Ptr{Ptr{tenas_search_space}})::tenas_status
tenas_search_space_open(path, out) =
    @ccall $(symbol(:tenas_search_space_open))(path::Cstring,
        out::Ptr{Ptr{tenas_search_space}})::tenas_status
tenas_search_space_free(space) =
    @ccall $(symbol(:tenas_search_space_free))(space::Ptr{tenas_search_space})::Cvoid
tenas_search_space_to_json(space, buffer, capacity, length) =
    @ccall $(symbol(:tenas_search_space_to_json))(space::Ptr{tenas_search_space},
        buffer::Ptr{UInt8}, capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_search_space_name(space, out) =
    @ccall $(symbol(:tenas_search_space_name))(space::Ptr{tenas_search_space},
        out::Ptr{Cstring})::tenas_status
tenas_search_space_digest(space, out) =
    @ccall $(symbol(:tenas_search_space_digest))(space::Ptr{tenas_search_space},
        out::Ptr{UInt64})::tenas_status
tenas_search_space_cell_count(space, out) =
    @ccall $(symbol(:tenas_search_space_cell_count))(space::Ptr{tenas_search_space},
        out::Ptr{UInt32})::tenas_status
tenas_search_space_cell_name(space, cell, out) =
    @ccall $(symbol(:tenas_search_space_cell_name))(space::Ptr{tenas_search_space}, cell::UInt32,
        out::Ptr{Cstring})::tenas_status
tenas_search_space_edge_count(space, cell, out) =
    @ccall $(symbol(:tenas_search_space_edge_count))(space::Ptr{tenas_search_space}, cell::UInt32,
        out::Ptr{UInt32})::tenas_status
tenas_search_space_edge_name(space, cell, edge, out) =
    @ccall $(symbol(:tenas_search_space_edge_name))(space::Ptr{tenas_search_space}, cell::UInt32,
        edge::UInt32, out::Ptr{Cstring})::tenas_status
tenas_search_space_operation_count(space, out) =
    @ccall $(symbol(:tenas_search_space_operation_count))(space::Ptr{tenas_search_space},
        out::Ptr{UInt32})::tenas_status
tenas_search_space_operation_name(space, operation, out) =
    @ccall $(symbol(:tenas_search_space_operation_name))(space::Ptr{tenas_search_space},
        operation::UInt32, out::Ptr{Cstring})::tenas_status
tenas_search_space_offers(space, cell, edge, operation, out) =
    @ccall $(symbol(:tenas_search_space_offers))(space::Ptr{tenas_search_space}, cell::UInt32,
        edge::UInt32, operation::UInt32, out::Ptr{Int32})::tenas_status
tenas_config_new(space, dataset, out) =
    @ccall $(symbol(:tenas_config_new))(space::Int32, dataset::Int32,
        out::Ptr{Ptr{tenas_config}})::tenas_status
tenas_config_new_for_space(space, dataset, out) =
    @ccall $(symbol(:tenas_config_new_for_space))(space::Ptr{tenas_search_space}, dataset::Int32,
        out::Ptr{Ptr{tenas_config}})::tenas_status
tenas_config_free(config) =
    @ccall $(symbol(:tenas_config_free))(config::Ptr{tenas_config})::Cvoid
tenas_config_set_seed(config, seed) =
    @ccall $(symbol(:tenas_config_set_seed))(config::Ptr{tenas_config}, seed::UInt64)::tenas_status
tenas_config_set_repeats(config, repeats) =
    @ccall $(symbol(:tenas_config_set_repeats))(config::Ptr{tenas_config},
        repeats::UInt32)::tenas_status
tenas_config_set_batch_size(config, batch_size) =
    @ccall $(symbol(:tenas_config_set_batch_size))(config::Ptr{tenas_config},
        batch_size::UInt32)::tenas_status
tenas_config_set_prune_per_edge(config, prune_per_edge) =
    @ccall $(symbol(:tenas_config_set_prune_per_edge))(config::Ptr{tenas_config},
        prune_per_edge::UInt32)::tenas_status
tenas_config_set_score_decimals(config, score_decimals) =
    @ccall $(symbol(:tenas_config_set_score_decimals))(config::Ptr{tenas_config},
        score_decimals::UInt32)::tenas_status
tenas_config_set_threads(config, threads) =
    @ccall $(symbol(:tenas_config_set_threads))(config::Ptr{tenas_config},
        threads::UInt32)::tenas_status
tenas_config_set_init(config, init) =
    @ccall $(symbol(:tenas_config_set_init))(config::Ptr{tenas_config}, init::Int32)::tenas_status
tenas_config_set_sampling(config, sampling) =
    @ccall $(symbol(:tenas_config_set_sampling))(config::Ptr{tenas_config},
        sampling::Int32)::tenas_status
tenas_config_set_strategy(config, strategy) =
    @ccall $(symbol(:tenas_config_set_strategy))(config::Ptr{tenas_config},
        strategy::Int32)::tenas_status
tenas_config_set_proxies(config, proxies) =
    @ccall $(symbol(:tenas_config_set_proxies))(config::Ptr{tenas_config},
        proxies::Cstring)::tenas_status
tenas_config_set_proxy_network(config, proxy, channels, cells, image_size, batch_size) =
    @ccall $(symbol(:tenas_config_set_proxy_network))(config::Ptr{tenas_config}, proxy::Cstring,
        channels::UInt32, cells::UInt32, image_size::UInt32, batch_size::UInt32)::tenas_status
tenas_config_set_device(config, kind, index) =
    @ccall $(symbol(:tenas_config_set_device))(config::Ptr{tenas_config}, kind::Int32,
        index::Int32)::tenas_status
tenas_config_space(config, out) =
    @ccall $(symbol(:tenas_config_space))(config::Ptr{tenas_config}, out::Ptr{Int32})::tenas_status
tenas_config_dataset(config, out) =
    @ccall $(symbol(:tenas_config_dataset))(config::Ptr{tenas_config},
        out::Ptr{Int32})::tenas_status
tenas_config_seed(config, out) =
    @ccall $(symbol(:tenas_config_seed))(config::Ptr{tenas_config}, out::Ptr{UInt64})::tenas_status
tenas_config_repeats(config, out) =
    @ccall $(symbol(:tenas_config_repeats))(config::Ptr{tenas_config},
        out::Ptr{UInt32})::tenas_status
tenas_config_batch_size(config, out) =
    @ccall $(symbol(:tenas_config_batch_size))(config::Ptr{tenas_config},
        out::Ptr{UInt32})::tenas_status
tenas_config_prune_per_edge(config, out) =
    @ccall $(symbol(:tenas_config_prune_per_edge))(config::Ptr{tenas_config},
        out::Ptr{UInt32})::tenas_status
tenas_config_score_decimals(config, out) =
    @ccall $(symbol(:tenas_config_score_decimals))(config::Ptr{tenas_config},
        out::Ptr{UInt32})::tenas_status
tenas_config_threads(config, out) =
    @ccall $(symbol(:tenas_config_threads))(config::Ptr{tenas_config},
        out::Ptr{UInt32})::tenas_status
tenas_config_init(config, out) =
    @ccall $(symbol(:tenas_config_init))(config::Ptr{tenas_config}, out::Ptr{Int32})::tenas_status
tenas_config_sampling(config, out) =
    @ccall $(symbol(:tenas_config_sampling))(config::Ptr{tenas_config},
        out::Ptr{Int32})::tenas_status
tenas_config_strategy(config, out) =
    @ccall $(symbol(:tenas_config_strategy))(config::Ptr{tenas_config},
        out::Ptr{Int32})::tenas_status
tenas_config_proxies(config, buffer, capacity, length) =
    @ccall $(symbol(:tenas_config_proxies))(config::Ptr{tenas_config}, buffer::Ptr{UInt8},
        capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_config_proxy_network(config, proxy, channels, cells, image_size, batch_size) =
    @ccall $(symbol(:tenas_config_proxy_network))(config::Ptr{tenas_config}, proxy::Cstring,
        channels::Ptr{UInt32}, cells::Ptr{UInt32}, image_size::Ptr{UInt32},
        batch_size::Ptr{UInt32})::tenas_status
tenas_config_device(config, kind, index) =
    @ccall $(symbol(:tenas_config_device))(config::Ptr{tenas_config}, kind::Ptr{Int32},
        index::Ptr{Int32})::tenas_status
tenas_config_search_space(config, out) =
    @ccall $(symbol(:tenas_config_search_space))(config::Ptr{tenas_config},
        out::Ptr{Ptr{tenas_search_space}})::tenas_status
tenas_config_to_json(config, buffer, capacity, length) =
    @ccall $(symbol(:tenas_config_to_json))(config::Ptr{tenas_config}, buffer::Ptr{UInt8},
        capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_config_from_json(json, out) =
    @ccall $(symbol(:tenas_config_from_json))(json::Cstring,
        out::Ptr{Ptr{tenas_config}})::tenas_status

# Parameters

@enum tenas_parameter_type::Int32 begin
    TENAS_PARAMETER_UINT32 = 1
    TENAS_PARAMETER_UINT64 = 2
    TENAS_PARAMETER_CHOICE = 3
end

struct tenas_parameter
    struct_size::Csize_t
    name::Cstring
    type::Int32
    decides::Int32
    preset::UInt64
    minimum::UInt64
    maximum::UInt64
    choices::Cstring
end

tenas_parameter_count(out) =
    @ccall $(symbol(:tenas_parameter_count))(out::Ptr{Csize_t})::tenas_status
tenas_parameter_info(space, dataset, index, out) =
    @ccall $(symbol(:tenas_parameter_info))(space::Int32, dataset::Int32, index::Csize_t,
        out::Ptr{tenas_parameter})::tenas_status
tenas_search_space_parameter_info(space, dataset, index, out) =
    @ccall $(symbol(:tenas_search_space_parameter_info))(space::Ptr{tenas_search_space},
        dataset::Int32, index::Csize_t, out::Ptr{tenas_parameter})::tenas_status
tenas_config_set_parameter(config, name, value) =
    @ccall $(symbol(:tenas_config_set_parameter))(config::Ptr{tenas_config}, name::Cstring,
        value::UInt64)::tenas_status
tenas_config_parameter(config, name, out) =
    @ccall $(symbol(:tenas_config_parameter))(config::Ptr{tenas_config}, name::Cstring,
        out::Ptr{UInt64})::tenas_status

# Data sets

@enum tenas_dataset_kind::Int32 begin
    TENAS_DATASET_CIFAR10 = 1
    TENAS_DATASET_CIFAR100 = 2
    TENAS_DATASET_IMAGENET16_120 = 3
    TENAS_DATASET_IMAGENET = 4
    TENAS_DATASET_CUSTOM = 5
end

mutable struct tenas_dataset end

struct tenas_dataset_facts
    struct_size::Csize_t
    count::Csize_t
    channels::Csize_t
    height::Csize_t
    width::Csize_t
    classes::Csize_t
    skipped::Csize_t
    kind::Int32
end

tenas_dataset_open(dataset, path, out) =
    @ccall $(symbol(:tenas_dataset_open))(dataset::Int32, path::Cstring,
        out::Ptr{Ptr{tenas_dataset}})::tenas_status
tenas_dataset_from_images(images, count, channels, height, width, mean, stddev, classes, out) =
    @ccall $(symbol(:tenas_dataset_from_images))(images::Ptr{UInt8}, count::Csize_t,
        channels::Csize_t, height::Csize_t, width::Csize_t, mean::Ptr{Cfloat}, stddev::Ptr{Cfloat},
        classes::Csize_t, out::Ptr{Ptr{tenas_dataset}})::tenas_status
tenas_dataset_from_callback(count, channels, height, width, mean, stddev, classes, load, release,
        user, id, out) =
    @ccall $(symbol(:tenas_dataset_from_callback))(count::Csize_t, channels::Csize_t,
        height::Csize_t, width::Csize_t, mean::Ptr{Cfloat}, stddev::Ptr{Cfloat}, classes::Csize_t,
        load::tenas_load_fn, release::tenas_release_fn, user::Any, id::Cstring,
        out::Ptr{Ptr{tenas_dataset}})::tenas_status
tenas_dataset_synthetic(dataset, seed, out) =
    @ccall $(symbol(:tenas_dataset_synthetic))(dataset::Int32, seed::UInt64,
        out::Ptr{Ptr{tenas_dataset}})::tenas_status
tenas_dataset_info(dataset, out) =
    @ccall $(symbol(:tenas_dataset_info))(dataset::Ptr{tenas_dataset},
        out::Ptr{tenas_dataset_facts})::tenas_status
tenas_dataset_source(dataset, buffer, capacity, length) =
    @ccall $(symbol(:tenas_dataset_source))(dataset::Ptr{tenas_dataset}, buffer::Ptr{UInt8},
        capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_dataset_digest(dataset, out) =
    @ccall $(symbol(:tenas_dataset_digest))(dataset::Ptr{tenas_dataset},
        out::Ptr{UInt64})::tenas_status
tenas_dataset_free(dataset) =
    @ccall $(symbol(:tenas_dataset_free))(dataset::Ptr{tenas_dataset})::Cvoid

# Searches

@enum tenas_genotype_format::Int32 begin
    TENAS_GENOTYPE_NATIVE = 1
    TENAS_GENOTYPE_JSON = 2
end

mutable struct tenas_context end

struct tenas_progress
    struct_size::Csize_t
    round::UInt32
    rounds::UInt32
    candidate::UInt32
    candidates::UInt32
    seconds::Cdouble
end

struct tenas_record
    struct_size::Csize_t
    round::UInt32
    cell::UInt32
    edge::UInt32
    operation::UInt32
    ntk_rank::UInt32
    regions_rank::UInt32
    pruned::Int32
    ntk_delta::Cdouble
    regions_delta::Cdouble
    ntk_now::Cdouble
    ntk_without::Cdouble
    regions_now::Cdouble
    regions_without::Cdouble
end

tenas_context_new(config, dataset, out) =
    @ccall $(symbol(:tenas_context_new))(config::Ptr{tenas_config}, dataset::Ptr{tenas_dataset},
        out::Ptr{Ptr{tenas_context}})::tenas_status
tenas_context_free(context) =
    @ccall $(symbol(:tenas_context_free))(context::Ptr{tenas_context})::Cvoid
tenas_context_set_progress(context, progress, user) =
    @ccall $(symbol(:tenas_context_set_progress))(context::Ptr{tenas_context},
        progress::tenas_progress_fn, user::Any)::tenas_status
tenas_context_run_round(context, finished) =
    @ccall $(symbol(:tenas_context_run_round))(context::Ptr{tenas_context},
        finished::Ptr{Bool})::tenas_status
tenas_context_run(context) =
    @ccall $(symbol(:tenas_context_run))(context::Ptr{tenas_context})::tenas_status
tenas_context_cancel(context) =
    @ccall $(symbol(:tenas_context_cancel))(context::Ptr{tenas_context})::tenas_status
tenas_context_clear_cancel(context) =
    @ccall $(symbol(:tenas_context_clear_cancel))(context::Ptr{tenas_context})::tenas_status
tenas_context_progress(context, out) =
    @ccall $(symbol(:tenas_context_progress))(context::Ptr{tenas_context},
        out::Ptr{tenas_progress})::tenas_status
tenas_context_work(context, done, all) =
    @ccall $(symbol(:tenas_context_work))(context::Ptr{tenas_context}, done::Ptr{UInt32},
        all::Ptr{UInt32})::tenas_status
tenas_context_is_finished(context, out) =
    @ccall $(symbol(:tenas_context_is_finished))(context::Ptr{tenas_context},
        out::Ptr{Bool})::tenas_status
tenas_context_config(context, out) =
    @ccall $(symbol(:tenas_context_config))(context::Ptr{tenas_context},
        out::Ptr{Ptr{tenas_config}})::tenas_status
tenas_context_device(context, kind, index) =
    @ccall $(symbol(:tenas_context_device))(context::Ptr{tenas_context}, kind::Ptr{Int32},
        index::Ptr{Int32})::tenas_status
tenas_context_genotype(context, format, buffer, capacity, length) =
    @ccall $(symbol(:tenas_context_genotype))(context::Ptr{tenas_context}, format::Int32,
        buffer::Ptr{UInt8}, capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_context_record_count(context, out) =
    @ccall $(symbol(:tenas_context_record_count))(context::Ptr{tenas_context},
        out::Ptr{Csize_t})::tenas_status
tenas_context_record(context, index, out) =
    @ccall $(symbol(:tenas_context_record))(context::Ptr{tenas_context}, index::Csize_t,
        out::Ptr{tenas_record})::tenas_status

# The history of a search

struct tenas_round
    struct_size::Csize_t
    round::UInt32
    candidates::UInt32
    pruned::UInt32
    reserved::UInt32
    first_record::Csize_t
    ntk::Cdouble
    regions::Cdouble
end

tenas_context_round_count(context, out) =
    @ccall $(symbol(:tenas_context_round_count))(context::Ptr{tenas_context},
        out::Ptr{Csize_t})::tenas_status
tenas_context_round(context, index, out) =
    @ccall $(symbol(:tenas_context_round))(context::Ptr{tenas_context}, index::Csize_t,
        out::Ptr{tenas_round})::tenas_status
tenas_context_records_json(context, buffer, capacity, length) =
    @ccall $(symbol(:tenas_context_records_json))(context::Ptr{tenas_context}, buffer::Ptr{UInt8},
        capacity::Csize_t, length::Ptr{Csize_t})::tenas_status

# Checkpoints

tenas_context_save(context, path) =
    @ccall $(symbol(:tenas_context_save))(context::Ptr{tenas_context}, path::Cstring)::tenas_status
tenas_context_load(path, dataset, machine, out) =
    @ccall $(symbol(:tenas_context_load))(path::Cstring, dataset::Ptr{tenas_dataset},
        machine::Ptr{tenas_config}, out::Ptr{Ptr{tenas_context}})::tenas_status
tenas_context_set_checkpoint(context, path, seconds) =
    @ccall $(symbol(:tenas_context_set_checkpoint))(context::Ptr{tenas_context}, path::Cstring,
        seconds::Cdouble)::tenas_status

# A round in pieces

struct tenas_score
    digest::UInt64
    round::UInt32
    cell::UInt32
    edge::UInt32
    operation::UInt32
    ntk_delta::Cdouble
    regions_delta::Cdouble
    ntk_now::Cdouble
    ntk_without::Cdouble
    regions_now::Cdouble
    regions_without::Cdouble
end

tenas_context_candidate_count(context, out) =
    @ccall $(symbol(:tenas_context_candidate_count))(context::Ptr{tenas_context},
        out::Ptr{Csize_t})::tenas_status
tenas_context_evaluate(context, first, count, out) =
    @ccall $(symbol(:tenas_context_evaluate))(context::Ptr{tenas_context}, first::Csize_t,
        count::Csize_t, out::Ptr{tenas_score})::tenas_status
tenas_context_apply(context, scores, count, finished) =
    @ccall $(symbol(:tenas_context_apply))(context::Ptr{tenas_context}, scores::Ptr{tenas_score},
        count::Csize_t, finished::Ptr{Bool})::tenas_status
tenas_scores_to_json(scores, count, buffer, capacity, length) =
    @ccall $(symbol(:tenas_scores_to_json))(scores::Ptr{tenas_score}, count::Csize_t,
        buffer::Ptr{UInt8}, capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_scores_from_json(json, scores, capacity, count) =
    @ccall $(symbol(:tenas_scores_from_json))(json::Cstring, scores::Ptr{tenas_score},
        capacity::Csize_t, count::Ptr{Csize_t})::tenas_status
tenas_context_mask(context, mask, capacity, count) =
    @ccall $(symbol(:tenas_context_mask))(context::Ptr{tenas_context}, mask::Ptr{UInt8},
        capacity::Csize_t, count::Ptr{Csize_t})::tenas_status
tenas_context_prune(context, cell, edge, operation) =
    @ccall $(symbol(:tenas_context_prune))(context::Ptr{tenas_context}, cell::UInt32, edge::UInt32,
        operation::UInt32)::tenas_status

# The ranking of a search

struct tenas_ranked
    struct_size::Csize_t
    number::UInt64
    rung::UInt32
    draws::UInt32
    connected::Int32
    reserved::UInt32
    total::Cdouble
end

struct tenas_measurement
    digest::UInt64
    round::UInt32
    candidate::UInt32
    draw::UInt32
    count::UInt32
    values::NTuple{16,Cdouble}
end

tenas_context_ranking_count(context, out) =
    @ccall $(symbol(:tenas_context_ranking_count))(context::Ptr{tenas_context},
        out::Ptr{Csize_t})::tenas_status
tenas_context_ranked(context, index, out, values, ranks, count) =
    @ccall $(symbol(:tenas_context_ranked))(context::Ptr{tenas_context}, index::Csize_t,
        out::Ptr{tenas_ranked}, values::Ptr{Cdouble}, ranks::Ptr{Cdouble},
        count::Csize_t)::tenas_status
tenas_context_ranked_genotype(context, index, format, buffer, capacity, length) =
    @ccall $(symbol(:tenas_context_ranked_genotype))(context::Ptr{tenas_context}, index::Csize_t,
        format::Int32, buffer::Ptr{UInt8}, capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_context_draws(context, out) =
    @ccall $(symbol(:tenas_context_draws))(context::Ptr{tenas_context},
        out::Ptr{Csize_t})::tenas_status
tenas_context_measure(context, first, count, out) =
    @ccall $(symbol(:tenas_context_measure))(context::Ptr{tenas_context}, first::Csize_t,
        count::Csize_t, out::Ptr{tenas_measurement})::tenas_status
tenas_context_settle(context, measurements, count, finished) =
    @ccall $(symbol(:tenas_context_settle))(context::Ptr{tenas_context},
        measurements::Ptr{tenas_measurement}, count::Csize_t, finished::Ptr{Bool})::tenas_status
tenas_measurements_to_json(measurements, count, buffer, capacity, length) =
    @ccall $(symbol(:tenas_measurements_to_json))(measurements::Ptr{tenas_measurement},
        count::Csize_t, buffer::Ptr{UInt8}, capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_measurements_from_json(json, measurements, capacity, count) =
    @ccall $(symbol(:tenas_measurements_from_json))(json::Cstring,
        measurements::Ptr{tenas_measurement}, capacity::Csize_t,
        count::Ptr{Csize_t})::tenas_status

# Log

@enum tenas_log_level::Int32 begin
    TENAS_LOG_ERROR = 1
    TENAS_LOG_WARNING = 2
    TENAS_LOG_INFO = 3
    TENAS_LOG_DEBUG = 4
end

tenas_context_set_log(context, log, user) =
    @ccall $(symbol(:tenas_context_set_log))(context::Ptr{tenas_context}, log::tenas_log_fn,
        user::Any)::tenas_status

# Genotypes

tenas_genotype_count(space, out) =
    @ccall $(symbol(:tenas_genotype_count))(space::Int32, out::Ptr{UInt64})::tenas_status
tenas_genotype_at(space, index, format, buffer, capacity, length) =
    @ccall $(symbol(:tenas_genotype_at))(space::Int32, index::UInt64, format::Int32,
        buffer::Ptr{UInt8}, capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_genotype_index(space, genotype, out) =
    @ccall $(symbol(:tenas_genotype_index))(space::Int32, genotype::Cstring,
        out::Ptr{UInt64})::tenas_status
tenas_genotype_sample(space, seed, index, format, buffer, capacity, length) =
    @ccall $(symbol(:tenas_genotype_sample))(space::Int32, seed::UInt64, index::UInt64,
        format::Int32, buffer::Ptr{UInt8}, capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_genotype_convert(space, genotype, format, buffer, capacity, length) =
    @ccall $(symbol(:tenas_genotype_convert))(space::Int32, genotype::Cstring, format::Int32,
        buffer::Ptr{UInt8}, capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_genotype_canonical(space, genotype, buffer, capacity, length) =
    @ccall $(symbol(:tenas_genotype_canonical))(space::Int32, genotype::Cstring,
        buffer::Ptr{UInt8}, capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_genotype_to_operations(space, genotype, operations, capacity, count) =
    @ccall $(symbol(:tenas_genotype_to_operations))(space::Int32, genotype::Cstring,
        operations::Ptr{UInt32}, capacity::Csize_t, count::Ptr{Csize_t})::tenas_status
tenas_genotype_from_operations(space, operations, count, format, buffer, capacity, length) =
    @ccall $(symbol(:tenas_genotype_from_operations))(space::Int32, operations::Ptr{UInt32},
        count::Csize_t, format::Int32, buffer::Ptr{UInt8}, capacity::Csize_t,
        length::Ptr{Csize_t})::tenas_status
tenas_search_space_genotype_count(space, out) =
    @ccall $(symbol(:tenas_search_space_genotype_count))(space::Ptr{tenas_search_space},
        out::Ptr{UInt64})::tenas_status
tenas_search_space_genotype_at(space, index, format, buffer, capacity, length) =
    @ccall $(symbol(:tenas_search_space_genotype_at))(space::Ptr{tenas_search_space},
        index::UInt64, format::Int32, buffer::Ptr{UInt8}, capacity::Csize_t,
        length::Ptr{Csize_t})::tenas_status
tenas_search_space_genotype_index(space, genotype, out) =
    @ccall $(symbol(:tenas_search_space_genotype_index))(space::Ptr{tenas_search_space},
        genotype::Cstring, out::Ptr{UInt64})::tenas_status
tenas_search_space_genotype_sample(space, seed, index, format, buffer, capacity, length) =
    @ccall $(symbol(:tenas_search_space_genotype_sample))(space::Ptr{tenas_search_space},
        seed::UInt64, index::UInt64, format::Int32, buffer::Ptr{UInt8}, capacity::Csize_t,
        length::Ptr{Csize_t})::tenas_status
tenas_search_space_genotype_mutate(space, genotype, seed, index, format, buffer, capacity, length) =
    @ccall $(symbol(:tenas_search_space_genotype_mutate))(space::Ptr{tenas_search_space},
        genotype::Cstring, seed::UInt64, index::UInt64, format::Int32, buffer::Ptr{UInt8},
        capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_search_space_genotype_convert(space, genotype, format, buffer, capacity, length) =
    @ccall $(symbol(:tenas_search_space_genotype_convert))(space::Ptr{tenas_search_space},
        genotype::Cstring, format::Int32, buffer::Ptr{UInt8}, capacity::Csize_t,
        length::Ptr{Csize_t})::tenas_status
tenas_search_space_genotype_canonical(space, genotype, buffer, capacity, length) =
    @ccall $(symbol(:tenas_search_space_genotype_canonical))(space::Ptr{tenas_search_space},
        genotype::Cstring, buffer::Ptr{UInt8}, capacity::Csize_t,
        length::Ptr{Csize_t})::tenas_status
tenas_search_space_genotype_to_operations(space, genotype, operations, capacity, count) =
    @ccall $(symbol(:tenas_search_space_genotype_to_operations))(space::Ptr{tenas_search_space},
        genotype::Cstring, operations::Ptr{UInt32}, capacity::Csize_t,
        count::Ptr{Csize_t})::tenas_status
tenas_search_space_genotype_from_operations(space, operations, count, format, buffer, capacity, length) =
    @ccall $(symbol(:tenas_search_space_genotype_from_operations))(space::Ptr{tenas_search_space},
        operations::Ptr{UInt32}, count::Csize_t, format::Int32, buffer::Ptr{UInt8},
        capacity::Csize_t, length::Ptr{Csize_t})::tenas_status

# Networks

@enum tenas_network_weights::Int32 begin
    TENAS_NETWORK_WEIGHTS_FRESH = 1
    TENAS_NETWORK_WEIGHTS_KEPT = 2
end

mutable struct tenas_network end

struct tenas_network_settings
    struct_size::Csize_t
    dataset::Int32
    channels::UInt32
    cells::UInt32
    classes::UInt32
    image_channels::UInt32
    image_height::UInt32
    image_width::UInt32
    init::Int32
    seed::UInt64
end

struct tenas_network_facts
    struct_size::Csize_t
    channels::Csize_t
    height::Csize_t
    width::Csize_t
    classes::Csize_t
    named_parameters::Csize_t
    parameters::UInt64
    multiply_adds::UInt64
end

tenas_network_from_genotype(space, genotype, settings, out) =
    @ccall $(symbol(:tenas_network_from_genotype))(space::Ptr{tenas_search_space}, genotype::Cstring,
        settings::Ptr{tenas_network_settings}, out::Ptr{Ptr{tenas_network}})::tenas_status
tenas_network_free(network) =
    @ccall $(symbol(:tenas_network_free))(network::Ptr{tenas_network})::Cvoid
tenas_network_name(network, out) =
    @ccall $(symbol(:tenas_network_name))(network::Ptr{tenas_network},
        out::Ptr{Cstring})::tenas_status
tenas_network_info(network, out) =
    @ccall $(symbol(:tenas_network_info))(network::Ptr{tenas_network},
        out::Ptr{tenas_network_facts})::tenas_status
tenas_network_parameter_name(network, index, out) =
    @ccall $(symbol(:tenas_network_parameter_name))(network::Ptr{tenas_network}, index::Csize_t,
        out::Ptr{Cstring})::tenas_status
tenas_network_logits(network, images, count, logits, capacity) =
    @ccall $(symbol(:tenas_network_logits))(network::Ptr{tenas_network}, images::Ptr{Cfloat},
        count::Csize_t, logits::Ptr{Cfloat}, capacity::Csize_t)::tenas_status
tenas_network_write_onnx(network, path) =
    @ccall $(symbol(:tenas_network_write_onnx))(network::Ptr{tenas_network},
        path::Cstring)::tenas_status
tenas_network_write_pytorch(network, path) =
    @ccall $(symbol(:tenas_network_write_pytorch))(network::Ptr{tenas_network},
        path::Cstring)::tenas_status
tenas_network_write_weights(network, path) =
    @ccall $(symbol(:tenas_network_write_weights))(network::Ptr{tenas_network},
        path::Cstring)::tenas_status
tenas_network_from_onnx(path, channels, height, width, out) =
    @ccall $(symbol(:tenas_network_from_onnx))(path::Cstring, channels::UInt32, height::UInt32,
        width::UInt32, out::Ptr{Ptr{tenas_network}})::tenas_status
tenas_network_from_onnx_bytes(bytes, count, channels, height, width, out) =
    @ccall $(symbol(:tenas_network_from_onnx_bytes))(bytes::Ptr{UInt8}, count::Csize_t,
        channels::UInt32, height::UInt32, width::UInt32,
        out::Ptr{Ptr{tenas_network}})::tenas_status
tenas_network_note(network, index, out) =
    @ccall $(symbol(:tenas_network_note))(network::Ptr{tenas_network}, index::Csize_t,
        out::Ptr{Cstring})::tenas_status
tenas_networks_score(config, dataset, proxies, proxy_count, networks, count, weights, progress, user, means, spreads, connected) =
    @ccall $(symbol(:tenas_networks_score))(config::Ptr{tenas_config}, dataset::Ptr{tenas_dataset},
        proxies::Ptr{Cstring}, proxy_count::Csize_t, networks::Ptr{Ptr{tenas_network}},
        count::Csize_t, weights::Int32, progress::tenas_progress_fn, user::Any,
        means::Ptr{Cdouble}, spreads::Ptr{Cdouble}, connected::Ptr{Int32})::tenas_status

# Indicators

struct tenas_indicators
    struct_size::Csize_t
    ntk::Cdouble
    ntk_spread::Cdouble
    regions::Cdouble
    regions_spread::Cdouble
    naswot::Cdouble
    naswot_spread::Cdouble
    swap::Cdouble
    swap_spread::Cdouble
    multiply_adds::UInt64
    parameters::UInt64
    connected::Int32
    repeats::UInt32
    seconds::Cdouble
end

tenas_indicators_of(config, dataset, genotype, out) =
    @ccall $(symbol(:tenas_indicators_of))(config::Ptr{tenas_config}, dataset::Ptr{tenas_dataset},
        genotype::Cstring, out::Ptr{tenas_indicators})::tenas_status
tenas_indicators_of_mask(config, dataset, mask, count, out) =
    @ccall $(symbol(:tenas_indicators_of_mask))(config::Ptr{tenas_config},
        dataset::Ptr{tenas_dataset}, mask::Ptr{UInt8}, count::Csize_t,
        out::Ptr{tenas_indicators})::tenas_status
tenas_indicators_of_many(config, dataset, genotypes, count, progress, user, out) =
    @ccall $(symbol(:tenas_indicators_of_many))(config::Ptr{tenas_config},
        dataset::Ptr{tenas_dataset}, genotypes::Ptr{Cstring}, count::Csize_t,
        progress::tenas_progress_fn, user::Any, out::Ptr{tenas_indicators})::tenas_status

# Scores

@enum tenas_direction::Int32 begin
    TENAS_DIRECTION_HIGHER = 1
    TENAS_DIRECTION_LOWER = 2
end

@enum tenas_proxy_cost::Int32 begin
    TENAS_PROXY_COST_COUNT = 1
    TENAS_PROXY_COST_FORWARD = 2
    TENAS_PROXY_COST_REVERSE = 3
end

struct tenas_proxy
    struct_size::Csize_t
    name::Cstring
    title::Cstring
    source::Cstring
    direction::Int32
    cost::Int32
end

tenas_proxy_count(out) =
    @ccall $(symbol(:tenas_proxy_count))(out::Ptr{Csize_t})::tenas_status
tenas_proxy_info(index, out) =
    @ccall $(symbol(:tenas_proxy_info))(index::Csize_t, out::Ptr{tenas_proxy})::tenas_status
tenas_scores_of_many(config, dataset, proxies, proxy_count, genotypes, count, progress, user, means, spreads, connected) =
    @ccall $(symbol(:tenas_scores_of_many))(config::Ptr{tenas_config}, dataset::Ptr{tenas_dataset},
        proxies::Ptr{Cstring}, proxy_count::Csize_t, genotypes::Ptr{Cstring}, count::Csize_t,
        progress::tenas_progress_fn, user::Any, means::Ptr{Cdouble}, spreads::Ptr{Cdouble},
        connected::Ptr{Int32})::tenas_status
tenas_aggregate(aggregation, proxies, proxy_count, values, count, totals) =
    @ccall $(symbol(:tenas_aggregate))(aggregation::Int32, proxies::Ptr{Cstring},
        proxy_count::Csize_t, values::Ptr{Cdouble}, count::Csize_t,
        totals::Ptr{Cdouble})::tenas_status

# Accuracy tables

mutable struct tenas_benchmark end

tenas_benchmark_open(path, out) =
    @ccall $(symbol(:tenas_benchmark_open))(path::Cstring,
        out::Ptr{Ptr{tenas_benchmark}})::tenas_status
tenas_benchmark_free(benchmark) =
    @ccall $(symbol(:tenas_benchmark_free))(benchmark::Ptr{tenas_benchmark})::Cvoid
tenas_benchmark_count(benchmark, out) =
    @ccall $(symbol(:tenas_benchmark_count))(benchmark::Ptr{tenas_benchmark},
        out::Ptr{Csize_t})::tenas_status
tenas_benchmark_ignored(benchmark, buffer, capacity, length) =
    @ccall $(symbol(:tenas_benchmark_ignored))(benchmark::Ptr{tenas_benchmark}, buffer::Ptr{UInt8},
        capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_benchmark_space(benchmark, out) =
    @ccall $(symbol(:tenas_benchmark_space))(benchmark::Ptr{tenas_benchmark},
        out::Ptr{Int32})::tenas_status
tenas_benchmark_genotype(benchmark, index, buffer, capacity, length) =
    @ccall $(symbol(:tenas_benchmark_genotype))(benchmark::Ptr{tenas_benchmark}, index::Csize_t,
        buffer::Ptr{UInt8}, capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_benchmark_find(benchmark, genotype, out) =
    @ccall $(symbol(:tenas_benchmark_find))(benchmark::Ptr{tenas_benchmark}, genotype::Cstring,
        out::Ptr{Csize_t})::tenas_status
tenas_benchmark_accuracy(benchmark, genotype, dataset, out) =
    @ccall $(symbol(:tenas_benchmark_accuracy))(benchmark::Ptr{tenas_benchmark}, genotype::Cstring,
        dataset::Int32, out::Ptr{Cdouble})::tenas_status
tenas_benchmark_rank(benchmark, genotype, dataset, out) =
    @ccall $(symbol(:tenas_benchmark_rank))(benchmark::Ptr{tenas_benchmark}, genotype::Cstring,
        dataset::Int32, out::Ptr{Csize_t})::tenas_status
tenas_benchmark_best(benchmark, dataset, out) =
    @ccall $(symbol(:tenas_benchmark_best))(benchmark::Ptr{tenas_benchmark}, dataset::Int32,
        out::Ptr{Csize_t})::tenas_status

# Traces and reports

tenas_context_set_trace(context, path) =
    @ccall $(symbol(:tenas_context_set_trace))(context::Ptr{tenas_context},
        path::Cstring)::tenas_status
tenas_context_report(context, path) =
    @ccall $(symbol(:tenas_context_report))(context::Ptr{tenas_context}, path::Cstring)::tenas_status
tenas_context_report_with_table(context, benchmark, path) =
    @ccall $(symbol(:tenas_context_report_with_table))(context::Ptr{tenas_context},
        benchmark::Ptr{tenas_benchmark}, path::Cstring)::tenas_status
tenas_genotype_svg(space, genotype, buffer, capacity, length) =
    @ccall $(symbol(:tenas_genotype_svg))(space::Int32, genotype::Cstring, buffer::Ptr{UInt8},
        capacity::Csize_t, length::Ptr{Csize_t})::tenas_status
tenas_search_space_genotype_svg(space, genotype, buffer, capacity, length) =
    @ccall $(symbol(:tenas_search_space_genotype_svg))(space::Ptr{tenas_search_space},
        genotype::Cstring, buffer::Ptr{UInt8}, capacity::Csize_t,
        length::Ptr{Csize_t})::tenas_status
tenas_scatter_svg(x_title, y_title, x, y, count, buffer, capacity, length) =
    @ccall $(symbol(:tenas_scatter_svg))(x_title::Cstring, y_title::Cstring, x::Ptr{Cdouble},
        y::Ptr{Cdouble}, count::Csize_t, buffer::Ptr{UInt8}, capacity::Csize_t,
        length::Ptr{Csize_t})::tenas_status

end
