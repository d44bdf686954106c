"""The C ABI as it is: every constant, struct and function of tenas.h, by the same names and with the
same types. tenas.h is their manual; tests/test_abi.py compares the two.

Handles are void pointers. A buffer for text is one too, so that it may be NULL.
"""

from __future__ import annotations

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_bool,
    c_char_p,
    c_double,
    c_float,
    c_int32,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any

TENAS_ABI_VERSION = 2

# tenas_status_code
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

# tenas_space
TENAS_SPACE_NAS_BENCH_201 = 1
TENAS_SPACE_DARTS = 2

# tenas_init
TENAS_INIT_KAIMING_NORMAL = 1
TENAS_INIT_TORCH_DEFAULT = 2

# tenas_sampling
TENAS_SAMPLING_COMMON = 1
TENAS_SAMPLING_INDEPENDENT = 2

# tenas_strategy
TENAS_STRATEGY_PRUNE = 1
TENAS_STRATEGY_RANK = 2

# tenas_aggregation
TENAS_AGGREGATION_LOG_RANKS = 1
TENAS_AGGREGATION_RANKS = 2

# tenas_device
TENAS_DEVICE_AUTO = 0
TENAS_DEVICE_CPU = 1
TENAS_DEVICE_CUDA = 2
TENAS_DEVICE_TORCH_CPU = 3

# tenas_parameter_type
TENAS_PARAMETER_UINT32 = 1
TENAS_PARAMETER_UINT64 = 2
TENAS_PARAMETER_CHOICE = 3

# tenas_dataset_kind
TENAS_DATASET_CIFAR10 = 1
TENAS_DATASET_CIFAR100 = 2
TENAS_DATASET_IMAGENET16_120 = 3
TENAS_DATASET_IMAGENET = 4
TENAS_DATASET_CUSTOM = 5

# tenas_genotype_format
TENAS_GENOTYPE_NATIVE = 1
TENAS_GENOTYPE_JSON = 2

# tenas_network_weights
TENAS_NETWORK_WEIGHTS_FRESH = 1
TENAS_NETWORK_WEIGHTS_KEPT = 2

# tenas_log_level
TENAS_LOG_ERROR = 1
TENAS_LOG_WARNING = 2
TENAS_LOG_INFO = 3
TENAS_LOG_DEBUG = 4

# tenas_direction
TENAS_DIRECTION_HIGHER = 1
TENAS_DIRECTION_LOWER = 2

# tenas_proxy_cost
TENAS_PROXY_COST_COUNT = 1
TENAS_PROXY_COST_FORWARD = 2
TENAS_PROXY_COST_REVERSE = 3


class tenas_parameter(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("type", c_int32),
        ("decides", c_int32),
        ("preset", c_uint64),
        ("minimum", c_uint64),
        ("maximum", c_uint64),
        ("choices", c_char_p),
    ]


class tenas_dataset_facts(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("count", c_size_t),
        ("channels", c_size_t),
        ("height", c_size_t),
        ("width", c_size_t),
        ("classes", c_size_t),
        ("skipped", c_size_t),
        ("kind", c_int32),
    ]


class tenas_progress(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("round", c_uint32),
        ("rounds", c_uint32),
        ("candidate", c_uint32),
        ("candidates", c_uint32),
        ("seconds", c_double),
    ]


class tenas_record(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("round", c_uint32),
        ("cell", c_uint32),
        ("edge", c_uint32),
        ("operation", c_uint32),
        ("ntk_rank", c_uint32),
        ("regions_rank", c_uint32),
        ("pruned", c_int32),
        ("ntk_delta", c_double),
        ("regions_delta", c_double),
        ("ntk_now", c_double),
        ("ntk_without", c_double),
        ("regions_now", c_double),
        ("regions_without", c_double),
    ]


class tenas_round(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("round", c_uint32),
        ("candidates", c_uint32),
        ("pruned", c_uint32),
        ("reserved", c_uint32),
        ("first_record", c_size_t),
        ("ntk", c_double),
        ("regions", c_double),
    ]


class tenas_score(Structure):
    _fields_ = [
        ("digest", c_uint64),
        ("round", c_uint32),
        ("cell", c_uint32),
        ("edge", c_uint32),
        ("operation", c_uint32),
        ("ntk_delta", c_double),
        ("regions_delta", c_double),
        ("ntk_now", c_double),
        ("ntk_without", c_double),
        ("regions_now", c_double),
        ("regions_without", c_double),
    ]


class tenas_ranked(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("number", c_uint64),
        ("rung", c_uint32),
        ("draws", c_uint32),
        ("connected", c_int32),
        ("reserved", c_uint32),
        ("total", c_double),
    ]


class tenas_measurement(Structure):
    _fields_ = [
        ("digest", c_uint64),
        ("round", c_uint32),
        ("candidate", c_uint32),
        ("draw", c_uint32),
        ("count", c_uint32),
        ("values", c_double * 16),
    ]


class tenas_network_settings(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("dataset", c_int32),
        ("channels", c_uint32),
        ("cells", c_uint32),
        ("classes", c_uint32),
        ("image_channels", c_uint32),
        ("image_height", c_uint32),
        ("image_width", c_uint32),
        ("init", c_int32),
        ("seed", c_uint64),
    ]


class tenas_network_facts(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("channels", c_size_t),
        ("height", c_size_t),
        ("width", c_size_t),
        ("classes", c_size_t),
        ("named_parameters", c_size_t),
        ("parameters", c_uint64),
        ("multiply_adds", c_uint64),
    ]


class tenas_indicators(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("ntk", c_double),
        ("ntk_spread", c_double),
        ("regions", c_double),
        ("regions_spread", c_double),
        ("naswot", c_double),
        ("naswot_spread", c_double),
        ("swap", c_double),
        ("swap_spread", c_double),
        ("multiply_adds", c_uint64),
        ("parameters", c_uint64),
        ("connected", c_int32),
        ("repeats", c_uint32),
        ("seconds", c_double),
    ]


class tenas_proxy(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("name", c_char_p),
        ("title", c_char_p),
        ("source", c_char_p),
        ("direction", c_int32),
        ("cost", c_int32),
    ]


tenas_load_fn = CFUNCTYPE(c_int32, POINTER(c_size_t), c_size_t, POINTER(c_uint8), c_void_p)
tenas_release_fn = CFUNCTYPE(None, c_void_p)
tenas_progress_fn = CFUNCTYPE(c_int32, POINTER(tenas_progress), c_void_p)
tenas_log_fn = CFUNCTYPE(None, c_int32, c_char_p, c_void_p)

# What each function returns, and its arguments; ctypes checks and converts by them.
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "tenas_version": (c_char_p, []),
    "tenas_abi_version": (c_uint32, []),
    "tenas_status_name": (c_char_p, [c_int32]),
    "tenas_last_error_message": (c_char_p, []),
    "tenas_build_info": (c_int32, [c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_space_name": (c_int32, [c_int32, POINTER(c_char_p)]),
    "tenas_space_cell_name": (c_int32, [c_int32, c_uint32, POINTER(c_char_p)]),
    "tenas_space_edge_name": (c_int32, [c_int32, c_uint32, c_uint32, POINTER(c_char_p)]),
    "tenas_space_operation_name": (c_int32, [c_int32, c_uint32, POINTER(c_char_p)]),
    "tenas_search_space_new": (c_int32, [c_int32, POINTER(c_void_p)]),
    "tenas_search_space_from_json": (c_int32, [c_char_p, POINTER(c_void_p)]),
    "tenas_search_space_open": (c_int32, [c_char_p, POINTER(c_void_p)]),
    "tenas_search_space_free": (None, [c_void_p]),
    "tenas_search_space_to_json": (c_int32, [c_void_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_search_space_name": (c_int32, [c_void_p, POINTER(c_char_p)]),
    "tenas_search_space_digest": (c_int32, [c_void_p, POINTER(c_uint64)]),
    "tenas_search_space_cell_count": (c_int32, [c_void_p, POINTER(c_uint32)]),
    "tenas_search_space_cell_name": (c_int32, [c_void_p, c_uint32, POINTER(c_char_p)]),
    "tenas_search_space_edge_count": (c_int32, [c_void_p, c_uint32, POINTER(c_uint32)]),
    "tenas_search_space_edge_name": (c_int32, [c_void_p, c_uint32, c_uint32, POINTER(c_char_p)]),
    "tenas_search_space_operation_count": (c_int32, [c_void_p, POINTER(c_uint32)]),
    "tenas_search_space_operation_name": (c_int32, [c_void_p, c_uint32, POINTER(c_char_p)]),
    "tenas_search_space_offers": (c_int32, [c_void_p, c_uint32, c_uint32, c_uint32, POINTER(c_int32)]),
    "tenas_config_new": (c_int32, [c_int32, c_int32, POINTER(c_void_p)]),
    "tenas_config_new_for_space": (c_int32, [c_void_p, c_int32, POINTER(c_void_p)]),
    "tenas_config_free": (None, [c_void_p]),
    "tenas_config_set_seed": (c_int32, [c_void_p, c_uint64]),
    "tenas_config_set_repeats": (c_int32, [c_void_p, c_uint32]),
    "tenas_config_set_batch_size": (c_int32, [c_void_p, c_uint32]),
    "tenas_config_set_prune_per_edge": (c_int32, [c_void_p, c_uint32]),
    "tenas_config_set_score_decimals": (c_int32, [c_void_p, c_uint32]),
    "tenas_config_set_threads": (c_int32, [c_void_p, c_uint32]),
    "tenas_config_set_init": (c_int32, [c_void_p, c_int32]),
    "tenas_config_set_sampling": (c_int32, [c_void_p, c_int32]),
    "tenas_config_set_device": (c_int32, [c_void_p, c_int32, c_int32]),
    "tenas_config_set_strategy": (c_int32, [c_void_p, c_int32]),
    "tenas_config_set_proxies": (c_int32, [c_void_p, c_char_p]),
    "tenas_config_set_proxy_network": (c_int32, [c_void_p, c_char_p, c_uint32, c_uint32, c_uint32, c_uint32]),
    "tenas_config_space": (c_int32, [c_void_p, POINTER(c_int32)]),
    "tenas_config_dataset": (c_int32, [c_void_p, POINTER(c_int32)]),
    "tenas_config_seed": (c_int32, [c_void_p, POINTER(c_uint64)]),
    "tenas_config_repeats": (c_int32, [c_void_p, POINTER(c_uint32)]),
    "tenas_config_batch_size": (c_int32, [c_void_p, POINTER(c_uint32)]),
    "tenas_config_prune_per_edge": (c_int32, [c_void_p, POINTER(c_uint32)]),
    "tenas_config_score_decimals": (c_int32, [c_void_p, POINTER(c_uint32)]),
    "tenas_config_threads": (c_int32, [c_void_p, POINTER(c_uint32)]),
    "tenas_config_init": (c_int32, [c_void_p, POINTER(c_int32)]),
    "tenas_config_sampling": (c_int32, [c_void_p, POINTER(c_int32)]),
    "tenas_config_strategy": (c_int32, [c_void_p, POINTER(c_int32)]),
    "tenas_config_proxies": (c_int32, [c_void_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_config_proxy_network": (
        c_int32,
        [c_void_p, c_char_p, POINTER(c_uint32), POINTER(c_uint32), POINTER(c_uint32), POINTER(c_uint32)],
    ),
    "tenas_config_device": (c_int32, [c_void_p, POINTER(c_int32), POINTER(c_int32)]),
    "tenas_config_search_space": (c_int32, [c_void_p, POINTER(c_void_p)]),
    "tenas_config_to_json": (c_int32, [c_void_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_config_from_json": (c_int32, [c_char_p, POINTER(c_void_p)]),
    "tenas_parameter_count": (c_int32, [POINTER(c_size_t)]),
    "tenas_parameter_info": (c_int32, [c_int32, c_int32, c_size_t, POINTER(tenas_parameter)]),
    "tenas_search_space_parameter_info": (c_int32, [c_void_p, c_int32, c_size_t, POINTER(tenas_parameter)]),
    "tenas_config_set_parameter": (c_int32, [c_void_p, c_char_p, c_uint64]),
    "tenas_config_parameter": (c_int32, [c_void_p, c_char_p, POINTER(c_uint64)]),
    "tenas_dataset_open": (c_int32, [c_int32, c_char_p, POINTER(c_void_p)]),
    "tenas_dataset_from_images": (
        c_int32,
        [
            POINTER(c_uint8),
            c_size_t,
            c_size_t,
            c_size_t,
            c_size_t,
            POINTER(c_float),
            POINTER(c_float),
            c_size_t,
            POINTER(c_void_p),
        ],
    ),
    "tenas_dataset_from_callback": (
        c_int32,
        [
            c_size_t,
            c_size_t,
            c_size_t,
            c_size_t,
            POINTER(c_float),
            POINTER(c_float),
            c_size_t,
            tenas_load_fn,
            tenas_release_fn,
            c_void_p,
            c_char_p,
            POINTER(c_void_p),
        ],
    ),
    "tenas_dataset_synthetic": (c_int32, [c_int32, c_uint64, POINTER(c_void_p)]),
    "tenas_dataset_info": (c_int32, [c_void_p, POINTER(tenas_dataset_facts)]),
    "tenas_dataset_source": (c_int32, [c_void_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_dataset_digest": (c_int32, [c_void_p, POINTER(c_uint64)]),
    "tenas_dataset_free": (None, [c_void_p]),
    "tenas_context_new": (c_int32, [c_void_p, c_void_p, POINTER(c_void_p)]),
    "tenas_context_free": (None, [c_void_p]),
    "tenas_context_set_progress": (c_int32, [c_void_p, tenas_progress_fn, c_void_p]),
    "tenas_context_run_round": (c_int32, [c_void_p, POINTER(c_bool)]),
    "tenas_context_run": (c_int32, [c_void_p]),
    "tenas_context_cancel": (c_int32, [c_void_p]),
    "tenas_context_clear_cancel": (c_int32, [c_void_p]),
    "tenas_context_progress": (c_int32, [c_void_p, POINTER(tenas_progress)]),
    "tenas_context_work": (c_int32, [c_void_p, POINTER(c_uint32), POINTER(c_uint32)]),
    "tenas_context_is_finished": (c_int32, [c_void_p, POINTER(c_bool)]),
    "tenas_context_config": (c_int32, [c_void_p, POINTER(c_void_p)]),
    "tenas_context_device": (c_int32, [c_void_p, POINTER(c_int32), POINTER(c_int32)]),
    "tenas_context_genotype": (c_int32, [c_void_p, c_int32, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_context_record_count": (c_int32, [c_void_p, POINTER(c_size_t)]),
    "tenas_context_record": (c_int32, [c_void_p, c_size_t, POINTER(tenas_record)]),
    "tenas_context_round_count": (c_int32, [c_void_p, POINTER(c_size_t)]),
    "tenas_context_round": (c_int32, [c_void_p, c_size_t, POINTER(tenas_round)]),
    "tenas_context_records_json": (c_int32, [c_void_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_context_save": (c_int32, [c_void_p, c_char_p]),
    "tenas_context_load": (c_int32, [c_char_p, c_void_p, c_void_p, POINTER(c_void_p)]),
    "tenas_context_set_checkpoint": (c_int32, [c_void_p, c_char_p, c_double]),
    "tenas_context_candidate_count": (c_int32, [c_void_p, POINTER(c_size_t)]),
    "tenas_context_evaluate": (c_int32, [c_void_p, c_size_t, c_size_t, POINTER(tenas_score)]),
    "tenas_context_apply": (c_int32, [c_void_p, POINTER(tenas_score), c_size_t, POINTER(c_bool)]),
    "tenas_scores_to_json": (c_int32, [POINTER(tenas_score), c_size_t, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_scores_from_json": (c_int32, [c_char_p, POINTER(tenas_score), c_size_t, POINTER(c_size_t)]),
    "tenas_context_mask": (c_int32, [c_void_p, POINTER(c_uint8), c_size_t, POINTER(c_size_t)]),
    "tenas_context_prune": (c_int32, [c_void_p, c_uint32, c_uint32, c_uint32]),
    "tenas_context_ranking_count": (c_int32, [c_void_p, POINTER(c_size_t)]),
    "tenas_context_ranked": (
        c_int32,
        [c_void_p, c_size_t, POINTER(tenas_ranked), POINTER(c_double), POINTER(c_double), c_size_t],
    ),
    "tenas_context_ranked_genotype": (c_int32, [c_void_p, c_size_t, c_int32, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_context_draws": (c_int32, [c_void_p, POINTER(c_size_t)]),
    "tenas_context_measure": (c_int32, [c_void_p, c_size_t, c_size_t, POINTER(tenas_measurement)]),
    "tenas_context_settle": (c_int32, [c_void_p, POINTER(tenas_measurement), c_size_t, POINTER(c_bool)]),
    "tenas_measurements_to_json": (
        c_int32,
        [POINTER(tenas_measurement), c_size_t, c_void_p, c_size_t, POINTER(c_size_t)],
    ),
    "tenas_measurements_from_json": (
        c_int32,
        [c_char_p, POINTER(tenas_measurement), c_size_t, POINTER(c_size_t)],
    ),
    "tenas_context_set_log": (c_int32, [c_void_p, tenas_log_fn, c_void_p]),
    "tenas_genotype_count": (c_int32, [c_int32, POINTER(c_uint64)]),
    "tenas_genotype_at": (c_int32, [c_int32, c_uint64, c_int32, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_genotype_index": (c_int32, [c_int32, c_char_p, POINTER(c_uint64)]),
    "tenas_genotype_sample": (c_int32, [c_int32, c_uint64, c_uint64, c_int32, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_genotype_convert": (c_int32, [c_int32, c_char_p, c_int32, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_genotype_canonical": (c_int32, [c_int32, c_char_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_genotype_to_operations": (c_int32, [c_int32, c_char_p, POINTER(c_uint32), c_size_t, POINTER(c_size_t)]),
    "tenas_genotype_from_operations": (
        c_int32,
        [c_int32, POINTER(c_uint32), c_size_t, c_int32, c_void_p, c_size_t, POINTER(c_size_t)],
    ),
    "tenas_search_space_genotype_count": (c_int32, [c_void_p, POINTER(c_uint64)]),
    "tenas_search_space_genotype_at": (c_int32, [c_void_p, c_uint64, c_int32, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_search_space_genotype_index": (c_int32, [c_void_p, c_char_p, POINTER(c_uint64)]),
    "tenas_search_space_genotype_sample": (
        c_int32,
        [c_void_p, c_uint64, c_uint64, c_int32, c_void_p, c_size_t, POINTER(c_size_t)],
    ),
    "tenas_search_space_genotype_mutate": (
        c_int32,
        [c_void_p, c_char_p, c_uint64, c_uint64, c_int32, c_void_p, c_size_t, POINTER(c_size_t)],
    ),
    "tenas_search_space_genotype_convert": (
        c_int32,
        [c_void_p, c_char_p, c_int32, c_void_p, c_size_t, POINTER(c_size_t)],
    ),
    "tenas_search_space_genotype_canonical": (c_int32, [c_void_p, c_char_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_search_space_genotype_to_operations": (
        c_int32,
        [c_void_p, c_char_p, POINTER(c_uint32), c_size_t, POINTER(c_size_t)],
    ),
    "tenas_search_space_genotype_from_operations": (
        c_int32,
        [c_void_p, POINTER(c_uint32), c_size_t, c_int32, c_void_p, c_size_t, POINTER(c_size_t)],
    ),
    "tenas_network_from_genotype": (
        c_int32,
        [c_void_p, c_char_p, POINTER(tenas_network_settings), POINTER(c_void_p)],
    ),
    "tenas_network_free": (None, [c_void_p]),
    "tenas_network_name": (c_int32, [c_void_p, POINTER(c_char_p)]),
    "tenas_network_info": (c_int32, [c_void_p, POINTER(tenas_network_facts)]),
    "tenas_network_parameter_name": (c_int32, [c_void_p, c_size_t, POINTER(c_char_p)]),
    "tenas_network_logits": (c_int32, [c_void_p, POINTER(c_float), c_size_t, POINTER(c_float), c_size_t]),
    "tenas_network_write_onnx": (c_int32, [c_void_p, c_char_p]),
    "tenas_network_write_pytorch": (c_int32, [c_void_p, c_char_p]),
    "tenas_network_write_weights": (c_int32, [c_void_p, c_char_p]),
    "tenas_network_from_onnx": (c_int32, [c_char_p, c_uint32, c_uint32, c_uint32, POINTER(c_void_p)]),
    "tenas_network_from_onnx_bytes": (
        c_int32,
        [POINTER(c_uint8), c_size_t, c_uint32, c_uint32, c_uint32, POINTER(c_void_p)],
    ),
    "tenas_network_note": (c_int32, [c_void_p, c_size_t, POINTER(c_char_p)]),
    "tenas_networks_score": (
        c_int32,
        [
            c_void_p,
            c_void_p,
            POINTER(c_char_p),
            c_size_t,
            POINTER(c_void_p),
            c_size_t,
            c_int32,
            tenas_progress_fn,
            c_void_p,
            POINTER(c_double),
            POINTER(c_double),
            POINTER(c_int32),
        ],
    ),
    "tenas_indicators_of": (c_int32, [c_void_p, c_void_p, c_char_p, POINTER(tenas_indicators)]),
    "tenas_indicators_of_mask": (c_int32, [c_void_p, c_void_p, POINTER(c_uint8), c_size_t, POINTER(tenas_indicators)]),
    "tenas_indicators_of_many": (
        c_int32,
        [c_void_p, c_void_p, POINTER(c_char_p), c_size_t, tenas_progress_fn, c_void_p, POINTER(tenas_indicators)],
    ),
    "tenas_proxy_count": (c_int32, [POINTER(c_size_t)]),
    "tenas_proxy_info": (c_int32, [c_size_t, POINTER(tenas_proxy)]),
    "tenas_scores_of_many": (
        c_int32,
        [
            c_void_p,
            c_void_p,
            POINTER(c_char_p),
            c_size_t,
            POINTER(c_char_p),
            c_size_t,
            tenas_progress_fn,
            c_void_p,
            POINTER(c_double),
            POINTER(c_double),
            POINTER(c_int32),
        ],
    ),
    "tenas_aggregate": (
        c_int32,
        [c_int32, POINTER(c_char_p), c_size_t, POINTER(c_double), c_size_t, POINTER(c_double)],
    ),
    "tenas_benchmark_open": (c_int32, [c_char_p, POINTER(c_void_p)]),
    "tenas_benchmark_free": (None, [c_void_p]),
    "tenas_benchmark_count": (c_int32, [c_void_p, POINTER(c_size_t)]),
    "tenas_benchmark_ignored": (c_int32, [c_void_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_benchmark_space": (c_int32, [c_void_p, POINTER(c_int32)]),
    "tenas_benchmark_genotype": (c_int32, [c_void_p, c_size_t, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_benchmark_find": (c_int32, [c_void_p, c_char_p, POINTER(c_size_t)]),
    "tenas_benchmark_accuracy": (c_int32, [c_void_p, c_char_p, c_int32, POINTER(c_double)]),
    "tenas_benchmark_rank": (c_int32, [c_void_p, c_char_p, c_int32, POINTER(c_size_t)]),
    "tenas_benchmark_best": (c_int32, [c_void_p, c_int32, POINTER(c_size_t)]),
    "tenas_context_set_trace": (c_int32, [c_void_p, c_char_p]),
    "tenas_context_report": (c_int32, [c_void_p, c_char_p]),
    "tenas_context_report_with_table": (c_int32, [c_void_p, c_void_p, c_char_p]),
    "tenas_genotype_svg": (c_int32, [c_int32, c_char_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_search_space_genotype_svg": (c_int32, [c_void_p, c_char_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tenas_scatter_svg": (
        c_int32,
        [
            c_char_p,
            c_char_p,
            POINTER(c_double),
            POINTER(c_double),
            c_size_t,
            c_void_p,
            c_size_t,
            POINTER(c_size_t),
        ],
    ),
}
