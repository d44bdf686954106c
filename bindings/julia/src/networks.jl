# Networks, for other programs.

"""
    Tenas.Network(space, genotype; dataset, channels, cells, classes, image, init, seed)

One whole network with its weights: that of an architecture as papers train it on `dataset`, or in a
size of your own. `image` is (width, height, channels).

```julia
cell = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"
network = Tenas.Network(SearchSpace(:nas_bench_201), cell; dataset = :cifar100)
println(Tenas.facts(network).parameters)
Tenas.write_pytorch(network, "network.py")
```
"""
mutable struct Network <: Handle
    owner::Owner{LibTenas.tenas_network}
    Network(pointer::Ptr{LibTenas.tenas_network}) = finalizer(close, new(Owner(pointer)))
end

free(pointer::Ptr{LibTenas.tenas_network}) = LibTenas.tenas_network_free(pointer)
Base.unsafe_convert(::Type{Ptr{LibTenas.tenas_network}}, network::Network) = pointer_of(network)

# 0 stands for what is left out; a 0 that was given is out of every range.
setting(::Nothing) = 0
setting(number::Integer) =
    number > 0 ? number : throw(ArgumentError("settings: found $number, expected at least 1"))

function Network(space::SearchSpace, genotype::AbstractString; dataset::Symbol = :cifar10, channels = nothing,
                 cells = nothing, classes = nothing, image = nothing, init::Symbol = :kaiming_normal,
                 seed::Integer = 0)
    width, height, colours = image === nothing ? (0, 0, 0) : setting.(image)
    settings = LibTenas.tenas_network_settings(
        sizeof(LibTenas.tenas_network_settings), kind_number(dataset), setting(channels), setting(cells),
        setting(classes), colours, height, width, number(LibTenas.tenas_init, init), seed)
    return Network(value(Ptr{LibTenas.tenas_network}, LibTenas.tenas_network_from_genotype, space, genotype,
                         Ref(settings)))
end

Network(space::Symbol, genotype::AbstractString; settings...) =
    Network(SearchSpace(space), genotype; settings...)

"""
    Tenas.read_onnx(path; image = nothing)
    Tenas.read_onnx(bytes; image = nothing)

The network of an ONNX file, or of one in memory, for images of `image = (width, height, channels)` where
the file leaves that open, or for another size.
"""
function read_onnx(source::Union{AbstractString,AbstractVector{UInt8}}; image = nothing)
    width, height, channels = image === nothing ? (0, 0, 0) : image
    made(f, arguments...) =
        Network(value(Ptr{LibTenas.tenas_network}, f, arguments..., channels, height, width))
    source isa AbstractString && return made(LibTenas.tenas_network_from_onnx, source)
    return made(LibTenas.tenas_network_from_onnx_bytes, Vector{UInt8}(source), length(source))
end

"What a network's file has and the network does not, each in some words."
function notes(network::Network)
    all = String[]
    while true
        try
            note = GC.@preserve network unsafe_string(value(Cstring, LibTenas.tenas_network_note, network, length(all)))
            push!(all, note)
        catch failure
            failure isa TenasError && failure.code == :not_found || rethrow()
            return all
        end
    end
end

"What a network is; the fields are those of `tenas_network_facts`."
struct NetworkFacts
    channels::Int
    height::Int
    width::Int
    classes::Int
    named_parameters::Int
    parameters::UInt64
    multiply_adds::UInt64
end

facts(network::Network) =
    from_c(NetworkFacts, filled(LibTenas.tenas_network_facts, LibTenas.tenas_network_info, network))

"The name of a network: that of its search space, or of its file."
network_name(network::Network) =
    GC.@preserve network unsafe_string(value(Cstring, LibTenas.tenas_network_name, network))

"PyTorch's names of a network's parameters."
parameter_names(network::Network) =
    GC.@preserve network [unsafe_string(value(Cstring, LibTenas.tenas_network_parameter_name, network, index))
                          for index in 0:facts(network).named_parameters-1]

"""
    Tenas.logits(network, images)

The logits of images in evaluation, classes x count, of an array of width x height x channels x count.
"""
function logits(network::Network, images::AbstractArray{<:Real,4})
    found = facts(network)
    expected = (found.width, found.height, found.channels)
    size(images)[1:3] == expected ||
        throw(DimensionMismatch("images: found $(join(size(images)[1:3], " x ")), expected $(join(expected, " x "))"))
    count = size(images, 4)
    out = Matrix{Cfloat}(undef, found.classes, count)
    call(LibTenas.tenas_network_logits, network, convert(Array{Cfloat,4}, images), count, out, length(out))
    return out
end

"Writes a network as an ONNX file."
write_onnx(network::Network, path::AbstractString) = call(LibTenas.tenas_network_write_onnx, network, path)

"Writes a network as PyTorch code, to be trained."
write_pytorch(network::Network, path::AbstractString) =
    call(LibTenas.tenas_network_write_pytorch, network, path)

"Writes the weights of a network as a safetensors file."
write_weights(network::Network, path::AbstractString) =
    call(LibTenas.tenas_network_write_weights, network, path)

Base.show(io::IO, network::Network) =
    print(io, isopen(network) ? "Network($(network_name(network)))" : "Network(closed)")
