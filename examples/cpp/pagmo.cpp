/*
 * An evolution of architectures by pagmo (https://esa.github.io/pagmo2), which calls libtenas for fitness.
 *
 *     pagmo [GENERATIONS]
 *
 * pagmo knows nothing of networks: it minimises two numbers of a vector of integers, the condition number of
 * the neural tangent kernel and the multiply-adds. The vector is an architecture of NAS-Bench-201, an
 * operation an edge. What NSGA-II leaves of its population is printed: condition number, million
 * multiply-adds, architecture, the last line the one that is easiest to train.
 */

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <pagmo/algorithm.hpp>
#include <pagmo/algorithms/nsga2.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>

#include <tenas/tenas.hpp>

namespace {

const auto space = tenas::Space::nas_bench_201;
const auto kind = tenas::DatasetKind::cifar10;

std::string genotype_of(const pagmo::vector_double &x)
{
    std::vector<std::uint32_t> operations;
    for (const double each : x)
        operations.push_back(static_cast<std::uint32_t>(each));
    return tenas::genotype_from_operations(space, operations, tenas::GenotypeFormat::native);
}

/* pagmo copies its problems; all copies share configuration and images, which any thread may use. */
struct Architectures {
    std::shared_ptr<tenas::Config> config = std::make_shared<tenas::Config>(space, kind);
    std::shared_ptr<tenas::Dataset> images =
        std::make_shared<tenas::Dataset>(tenas::Dataset::synthetic(kind, 1));

    Architectures() { config->set_batch_size(8).set_repeats(1); }

    pagmo::vector_double fitness(const pagmo::vector_double &x) const
    {
        const tenas::Indicators worth = tenas::indicators_of(*config, *images, genotype_of(x));
        return {worth.ntk.mean, static_cast<double>(worth.multiply_adds)};
    }
    std::pair<pagmo::vector_double, pagmo::vector_double> get_bounds() const
    {
        return {pagmo::vector_double(6, 0), pagmo::vector_double(6, 4)};
    }
    pagmo::vector_double::size_type get_nix() const { return 6; }
    pagmo::vector_double::size_type get_nobj() const { return 2; }
};

} // namespace

int main(int argc, char **argv)
try {
    const unsigned generations = argc > 1 ? static_cast<unsigned>(std::stoul(argv[1])) : 10;
    pagmo::population population(pagmo::problem(Architectures()), 24, 1);
    population = pagmo::algorithm(pagmo::nsga2(generations, 0.95, 10., 0.2, 50., 1)).evolve(population);

    std::vector<std::pair<pagmo::vector_double, std::string>> found;
    for (pagmo::population::size_type i = 0; i < population.size(); ++i)
        found.emplace_back(population.get_f()[i], genotype_of(population.get_x()[i]));
    std::sort(found.begin(), found.end(), [](const auto &a, const auto &b) { return b < a; });
    for (const auto &[worth, genotype] : found)
        std::cout << worth[0] << ' ' << worth[1] / 1e6 << ' ' << genotype << '\n';
    std::cout << found.back().second << '\n';
    return EXIT_SUCCESS;
} catch (const std::exception &error) {
    std::cerr << "pagmo: " << error.what() << '\n';
    return EXIT_FAILURE;
}
