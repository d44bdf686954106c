/* Another translation unit with tenas.hpp, in the same program as bindings.cpp. */

#include <tenas/tenas.hpp>
#include <tenas/tenas.hpp>

#include "second.hpp"

std::string run_in_second_unit(tenas::Context &context)
{
    context.run();
    return context.genotype();
}

bool throw_second_error(const tenas::Progress &)
{
    throw SecondError();
}
