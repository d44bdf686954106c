# Enums are symbols here: the constants of tenas.h without their prefix, in small letters.

prefix(::Type{LibTenas.tenas_space}) = "TENAS_SPACE_"
prefix(::Type{LibTenas.tenas_dataset_kind}) = "TENAS_DATASET_"
prefix(::Type{LibTenas.tenas_genotype_format}) = "TENAS_GENOTYPE_"
prefix(::Type{LibTenas.tenas_init}) = "TENAS_INIT_"
prefix(::Type{LibTenas.tenas_network_weights}) = "TENAS_NETWORK_WEIGHTS_"
prefix(::Type{LibTenas.tenas_device}) = "TENAS_DEVICE_"
prefix(::Type{LibTenas.tenas_direction}) = "TENAS_DIRECTION_"
prefix(::Type{LibTenas.tenas_proxy_cost}) = "TENAS_PROXY_COST_"
prefix(::Type{LibTenas.tenas_aggregation}) = "TENAS_AGGREGATION_"
prefix(::Type{LibTenas.tenas_log_level}) = "TENAS_LOG_"

# "torch-cpu" and such.
symbol(text) = Symbol(replace(string(text), '-' => '_'))

name(constant::Enum) = Symbol(lowercase(string(constant)[length(prefix(typeof(constant)))+1:end]))
name(::Type{E}, number::Integer) where {E<:Enum} = name(E(number))

# What the library writes for a name, and users type, where that is not the name with hyphens.
const SPELLED = Dict(:imagenet16_120 => "ImageNet16-120", :imagenet => "imagenet-1k")
spelled(symbol::Symbol) = get(SPELLED, symbol, replace(string(symbol), '_' => '-'))

function number(::Type{E}, symbol::Symbol) where {E<:Enum}
    for constant in instances(E)
        name(constant) == symbol && return Int32(Integer(constant))
    end
    for constant in instances(E)
        spelled(name(constant)) == string(symbol) && return Int32(Integer(constant))
    end
    throw(ArgumentError("found $(repr(symbol)), expected one of " *
                        join((repr(name(constant)) for constant in instances(E)), ", ")))
end

space_number(space) = number(LibTenas.tenas_space, space)
kind_number(dataset) = number(LibTenas.tenas_dataset_kind, dataset)
format_number(format) = number(LibTenas.tenas_genotype_format, format)

"All names that a function has, which counts from 0."
function all_names(f, arguments...)
    names = String[]
    while true
        try
            push!(names, unsafe_string(value(Cstring, f, arguments..., length(names))))
        catch failure
            failure isa TenasError && failure.code == :invalid_argument && !isempty(names) || rethrow()
            return names
        end
    end
end

"The names of a space's kinds of cell."
cells(space::Symbol) = all_names(LibTenas.tenas_space_cell_name, space_number(space))

"The names of the edges of a space's cell, `\"1<-0\"` for example: the state written, the state read."
edges(space::Symbol, cell::Integer = 0) =
    all_names(LibTenas.tenas_space_edge_name, space_number(space), cell)

"The names of a space's operations."
operations(space::Symbol) = all_names(LibTenas.tenas_space_operation_name, space_number(space))
