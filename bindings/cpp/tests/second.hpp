#ifndef SECOND_HPP
#define SECOND_HPP

#include <tenas/tenas.hpp>

#include <string>

struct SecondError {};

std::string run_in_second_unit(tenas::Context &context);
bool throw_second_error(const tenas::Progress &progress);

#endif
