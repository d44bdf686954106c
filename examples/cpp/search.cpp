/*
 * Searches for a neural architecture and prints it.
 *
 *     search                                   on synthetic images, published settings: a minute or two
 *     search --small                           the same in seconds
 *     search --data cifar-10-batches-bin       on CIFAR-10
 *
 * What each round pruned and, as the last line, the architecture go to stdout; progress to stderr.
 * examples/c/search.c has all options there are.
 */

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include <tenas/tenas.hpp>

namespace {

struct Options {
    bool small = false;
    std::string data;
};

Options parse(int argc, char **argv)
{
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string option = argv[i];
        if (option == "--small") {
            options.small = true;
        } else if (option == "--data" && i + 1 < argc) {
            options.data = argv[++i];
        } else {
            std::cerr << "Usage: search [--small] [--data PATH]\n";
            std::exit(option == "--help" ? EXIT_SUCCESS : 2);
        }
    }
    return options;
}

/* Called after each candidate. false would cancel; what it throws comes out of run_round(). */
bool show(const tenas::Progress &progress)
{
    using namespace std::chrono;
    std::cerr << "\rround " << progress.round + 1 << " of " << progress.rounds << ": "
              << progress.candidate << " of " << progress.candidates << ", "
              << duration_cast<seconds>(progress.elapsed).count() << " s " << std::flush;
    return true;
}

void print_pruned(const tenas::Context &search, tenas::Space space)
{
    const tenas::Round round = search.rounds().back();
    std::cout << "round " << round.round + 1 << " pruned";
    for (std::size_t i = 0; i < round.candidates; ++i) {
        const tenas::Record record = search.record(round.first_record + i);
        if (record.pruned)
            std::cout << ' ' << tenas::space_edge_name(space, record.cell, record.edge) << ' '
                      << tenas::space_operation_name(space, record.operation);
    }
    std::cout << '\n';
}

} // namespace

int main(int argc, char **argv)
try {
    const Options options = parse(argc, argv);
    const auto space = tenas::Space::nas_bench_201;
    const auto kind = tenas::DatasetKind::cifar10;

    tenas::Config config(space, kind);
    config.set_seed(1);
    if (options.small)
        config.set_batch_size(8).set_repeats(1);
    const tenas::Dataset images = options.data.empty() ? tenas::Dataset::synthetic(kind, 1)
                                                       : tenas::Dataset::open(kind, options.data);

    tenas::Context search(config, images);
    search.set_progress(show);
    for (bool finished = false; !finished;) {
        finished = search.run_round();
        std::cerr << '\n';
        print_pruned(search, space);
    }

    const std::string genotype = search.genotype();
    const tenas::Indicators worth = tenas::indicators_of(config, images, genotype);
    std::cout << "NTK " << worth.ntk.mean << ", regions " << worth.regions.mean << ", "
              << worth.parameters << " parameters\n"
              << genotype << '\n';
} catch (const tenas::Error &error) {
    std::cerr << "search: " << to_string(error.code()) << ": " << error.what() << '\n';
    return EXIT_FAILURE;
} catch (const std::exception &error) {
    std::cerr << "search: " << error.what() << '\n';
    return EXIT_FAILURE;
}
