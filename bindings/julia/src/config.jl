# Configurations, and their parameters by name.

"""
A parameter of a configuration: `name`, `type` (`:uint32`, `:uint64`, `:choice`), whether it `decides`
what a search finds, its `preset`, `minimum` and `maximum`, and the names of its `choices` from
`minimum` on (`nothing` for a number).
"""
struct Parameter
    name::Symbol
    type::Symbol
    decides::Bool
    preset::UInt64
    minimum::UInt64
    maximum::UInt64
    choices::Union{Nothing,Vector{Symbol}}
end

function Parameter(c::LibTenas.tenas_parameter)
    type = string(LibTenas.tenas_parameter_type(c.type))
    choices = Ptr{UInt8}(c.choices) == C_NULL ? nothing : symbol.(split(unsafe_string(c.choices), ','))
    return Parameter(Symbol(unsafe_string(c.name)), Symbol(lowercase(type[length("TENAS_PARAMETER_")+1:end])),
                     c.decides != 0, c.preset, c.minimum, c.maximum, choices)
end

"The parameters of a configuration, with their presets for a space and a data set."
function parameters(space::Symbol, dataset::Symbol)
    count = Int(value(Csize_t, LibTenas.tenas_parameter_count))
    info(index) = filled(LibTenas.tenas_parameter, LibTenas.tenas_parameter_info, space_number(space),
                         kind_number(dataset), index)
    return [Parameter(info(index)) for index in 0:count-1]
end

function parameters(space::SearchSpace, dataset::Symbol)
    count = Int(value(Csize_t, LibTenas.tenas_parameter_count))
    info(index) = filled(LibTenas.tenas_parameter, LibTenas.tenas_search_space_parameter_info, space,
                         kind_number(dataset), index)
    return [Parameter(info(index)) for index in 0:count-1]
end

# The number that the C ABI takes. Whether it is in range, the library says.
function encoded(parameter::Parameter, value)
    if value isa Union{Symbol,AbstractString} && parameter.choices !== nothing
        place = findfirst(==(symbol(value)), parameter.choices)
        place === nothing || return parameter.minimum + place - 1
    elseif value isa Integer && !(value isa Bool) && 0 <= value <= typemax(UInt64)
        return UInt64(value)
    end
    expected = parameter.choices === nothing ? "a whole number from $(parameter.minimum) to $(parameter.maximum)" :
        "one of " * join(repr.(parameter.choices), ", ")
    throw(ArgumentError("$(parameter.name): found $(repr(value)), expected $expected"))
end

function decoded(parameter::Parameter, number::UInt64)
    parameter.choices === nothing || return parameter.choices[number-parameter.minimum+1]
    return parameter.type == :uint32 ? Int(number) : number
end

"""
    Config(space, dataset; parameters...)
    Config(json)

What a search is to do: the published preset of a space (`:nas_bench_201`, `:darts`, or a
[`SearchSpace`](@ref)) for a data set
(`:cifar10`, `:cifar100`, `:imagenet16_120`, `:imagenet`, `:custom`), with any parameters changed.
Names as a configuration's JSON spells them are taken, too: `Symbol("imagenet-1k")`.

```julia
config = Config(:darts, :cifar10; seed = 1, repeats = 1)
config.threads = 2
config.init == :kaiming_normal
```

[`Tenas.parameters`](@ref) lists them. `Tenas.json(config)` is a text that makes an equal one.
"""
mutable struct Config <: Handle
    owner::Owner{LibTenas.tenas_config}
    Config(pointer::Ptr{LibTenas.tenas_config}) = finalizer(close, new(Owner(pointer)))
end

free(pointer::Ptr{LibTenas.tenas_config}) = LibTenas.tenas_config_free(pointer)
Base.unsafe_convert(::Type{Ptr{LibTenas.tenas_config}}, config::Config) = pointer_of(config)

Config(space::Symbol, dataset::Symbol; parameters...) =
    configured(value(Ptr{LibTenas.tenas_config}, LibTenas.tenas_config_new, space_number(space),
                     kind_number(dataset)), parameters)

Config(space::SearchSpace, dataset::Symbol; parameters...) =
    configured(value(Ptr{LibTenas.tenas_config}, LibTenas.tenas_config_new_for_space, space,
                     kind_number(dataset)), parameters)

function configured(pointer::Ptr{LibTenas.tenas_config}, parameters)
    config = Config(pointer)
    try
        set!(config, parameters)
    catch
        close(config)
        rethrow()
    end
    return config
end

Config(json::AbstractString) =
    Config(value(Ptr{LibTenas.tenas_config}, LibTenas.tenas_config_from_json, json))

"""
    Tenas.set_proxies!(config, names)

The scores that the strategy `:rank` goes by, `[:flops, :ntk]` for example. `Tenas.proxies(config)` has
them.
"""
set_proxies!(config::Config, names) =
    call(LibTenas.tenas_config_set_proxies, config, join(string.(names), ','))

proxies(config::Config) = Symbol.(split(text(LibTenas.tenas_config_proxies, config), ','))

"""
    Tenas.set_proxy_network!(config, proxy = nothing; channels = 0, cells = 0, image_size = 0, batch_size = 0)

The size of the networks of one score, or of all that have no size of their own. 0 is what the score's
paper, or else the space's published search, has. `Tenas.proxy_network(config, proxy)` tells it.
"""
set_proxy_network!(config::Config, proxy = nothing; channels = 0, cells = 0, image_size = 0, batch_size = 0) =
    call(LibTenas.tenas_config_set_proxy_network, config, name_or_null(proxy), channels, cells, image_size,
         batch_size)

function proxy_network(config::Config, proxy = nothing)
    sizes = (Ref{UInt32}(), Ref{UInt32}(), Ref{UInt32}(), Ref{UInt32}())
    call(LibTenas.tenas_config_proxy_network, config, name_or_null(proxy), sizes...)
    return NamedTuple{(:channels, :cells, :image_size, :batch_size)}(Int.(getindex.(sizes)))
end

name_or_null(proxy) = proxy === nothing ? Cstring(C_NULL) : string(proxy)

"A configuration as JSON."
json(config::Config) = text(LibTenas.tenas_config_to_json, config)

# The symbol of a built-in one, or a SearchSpace.
function space(config::Config)
    number = value(Int32, LibTenas.tenas_config_space, config)
    return number == 0 ? search_space(config) : name(LibTenas.tenas_space, number)
end

"The search space of a configuration, built in or not."
search_space(config::Config) = made_space(LibTenas.tenas_config_search_space, config)
dataset(config::Config) =
    name(LibTenas.tenas_dataset_kind, value(Int32, LibTenas.tenas_config_dataset, config))

parameters(config::Config) = parameters(space(config), dataset(config))

set_parameter!(config, name, number) =
    call(LibTenas.tenas_config_set_parameter, config, string(name), number)

# In the order of the table: a device before its index.
function set!(config::Config, values)
    known = parameters(config)
    for name in keys(values)
        # The library says that there is none.
        any(parameter -> parameter.name == name, known) || set_parameter!(config, name, 0)
    end
    for parameter in known
        haskey(values, parameter.name) || continue
        set_parameter!(config, parameter.name, encoded(parameter, values[parameter.name]))
    end
end

function Base.getproperty(config::Config, name::Symbol)
    name === :space && return space(config)
    name === :dataset && return dataset(config)
    number = value(UInt64, LibTenas.tenas_config_parameter, config, string(name))
    return decoded(only(filter(parameter -> parameter.name == name, parameters(config))), number)
end

Base.setproperty!(config::Config, name::Symbol, value) = set!(config, Dict{Symbol,Any}(name => value))

Base.propertynames(config::Config) =
    (:space, :dataset, (parameter.name for parameter in parameters(config))...)

function Base.show(io::IO, config::Config)
    isopen(config) || return print(io, "Config(closed)")
    shown(value) = value isa Symbol ? repr(value) : string(value)
    values = ("$(parameter.name) = $(shown(getproperty(config, parameter.name)))" for parameter in parameters(config))
    print(io, "Config(", repr(config.space), ", ", repr(config.dataset), "; ", join(values, ", "), ")")
end
