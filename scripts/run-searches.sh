#!/bin/bash
# Forty searches of NAS-Bench-201, published preset: ten seeds for each initialisation and each
# way of sampling. One JSON line each, with its settings, seconds and genotype:
#
#     scripts/run-searches.sh SEARCH DATA [RESULTS]
#
# SEARCH is the built examples/c/search.c, DATA the images of CIFAR-10. RESULTS defaults to
# docs/results/nas-bench-201-searches.jsonl; searches that it already has are not run again.
# SEEDS names other seeds, OPTIONS more options: OPTIONS="--device cuda" asks for the GPU.
set -eu
search=$1 data=$2
results=${3:-$(dirname "$0")/../docs/results/nas-bench-201-searches.jsonl}
seeds=${SEEDS:-$(seq 0 9)} more=${OPTIONS:+ $OPTIONS}

mkdir -p "$(dirname "$results")"
touch "$results"
for init in kaiming_normal torch_default; do
    for sampling in common independent; do
        for seed in $seeds; do
            options="--dataset cifar10 --seed $seed --init $init --sampling $sampling --json$more"
            settings="\"options\":\"$options\""
            if grep -qF -- "$settings" "$results"; then
                continue
            fi
            start=$(date +%s)
            # shellcheck disable=SC2086 # options are words
            genotype=$("$search" $options --data "$data" 2>/dev/null | tail -n 1)
            case $genotype in
                '{'*'}') ;;
                *) echo "no genotype from: $search $options" >&2 && exit 1 ;;
            esac
            seconds=$(($(date +%s) - start))
            line="{\"init\":\"$init\",\"sampling\":\"$sampling\",\"seed\":$seed,"
            line+="\"seconds\":$seconds,$settings,\"genotype\":$genotype}"
            echo "$line" | tee -a "$results"
        done
    done
done
