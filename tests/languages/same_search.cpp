// The same as same_search.c, by the C++ header.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <vector>

#include <tenas/tenas.hpp>

static void print(double value)
{
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    std::printf(" %016llx", static_cast<unsigned long long>(bits));
}

static void search(const tenas::Dataset &dataset, tenas::Space space, std::uint32_t batch_size,
                   std::uint32_t prune_per_edge)
{
    tenas::Config config(space, tenas::DatasetKind::custom);
    config.set_seed(5).set_repeats(2).set_batch_size(batch_size).set_prune_per_edge(prune_per_edge);
    tenas::Context context(config, dataset);
    context.run();
    std::printf("%s\n", context.genotype().c_str());
    for (const tenas::Record &r : context.records()) {
        std::printf("%u %u %u %u %u %u %d", r.round, r.cell, r.edge, r.operation, r.ntk_rank,
                    r.regions_rank, r.pruned ? 1 : 0);
        for (double value : {r.ntk_delta, r.regions_delta, r.ntk_now, r.ntk_without, r.regions_now,
                             r.regions_without})
            print(value);
        std::printf("\n");
    }
}

int main(int argc, char **argv)
try {
    std::ifstream file(argc == 2 ? argv[1] : "", std::ios::binary);
    const std::vector<std::uint8_t> images{std::istreambuf_iterator<char>(file), {}};
    const tenas::Dataset dataset = tenas::Dataset::from_images(images, {16, 3, 8, 8}, 4);
    search(dataset, tenas::Space::nas_bench_201, 4, 1);
    search(dataset, tenas::Space::darts, 2, 7);
    return 0;
} catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
