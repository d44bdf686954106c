# Images.

"""
    Dataset(kind, path)
    Dataset(images; classes, mean, stddev)
    Dataset(load!, (width, height, channels, count); id, classes, mean, stddev)

Images to search on.

- `Dataset(:cifar10, path)` opens a published data set; `tenas.h` tells which layouts.
- `images` is a `UInt8` array of width x height x channels x count; it is copied. Without `mean` and
  `stddev`, a value a channel in units of the bytes, they are computed.
- `load!(images, numbers)` fills such an array with the images of these numbers, from 1, whenever a
  search needs them; the same number must give the same image each time. `id` names the images where
  a search is saved. It may be called from all threads that run searches.

[`Tenas.synthetic`](@ref) makes images when there are none at hand.
"""
mutable struct Dataset <: Handle
    owner::Owner{LibTenas.tenas_dataset}
    Dataset(pointer::Ptr{LibTenas.tenas_dataset}) = finalizer(close, new(Owner(pointer)))
end

free(pointer::Ptr{LibTenas.tenas_dataset}) = LibTenas.tenas_dataset_free(pointer)
Base.unsafe_convert(::Type{Ptr{LibTenas.tenas_dataset}}, dataset::Dataset) = pointer_of(dataset)

new_dataset(f, arguments...) = Dataset(value(Ptr{LibTenas.tenas_dataset}, f, arguments...))

Dataset(kind::Symbol, path::AbstractString) =
    new_dataset(LibTenas.tenas_dataset_open, kind_number(kind), path)

function Dataset(images::AbstractArray{UInt8,4}; classes::Integer, mean = nothing, stddev = nothing)
    width, height, channels, count = size(images)
    return new_dataset(LibTenas.tenas_dataset_from_images, convert(Array{UInt8,4}, images), count, channels,
                       height, width, normalisation(mean, channels, "mean"),
                       normalisation(stddev, channels, "stddev"), classes)
end

Dataset(images::AbstractArray; keywords...) =
    throw(ArgumentError("images: found $(ndims(images)) dimensions of $(eltype(images)), " *
                        "expected 4 of UInt8: width x height x channels x count"))

"""
    Tenas.synthetic(kind; seed = 0)

10,000 images with natural statistics in the shape of a published data set.
"""
synthetic(kind::Symbol; seed::Integer = 0) =
    new_dataset(LibTenas.tenas_dataset_synthetic, kind_number(kind), seed)

normalisation(::Nothing, channels, name) = C_NULL
function normalisation(values, channels, name)
    length(values) == channels ||
        throw(DimensionMismatch("$name: found $(length(values)) values, expected one for each of $channels channels"))
    return Vector{Cfloat}(collect(values))
end

# Loaders. The library has a pointer to one until it releases it, so it is kept here.

mutable struct Loader
    load!::Any
    size::NTuple{3,Int}
end

const loaders = Loader[]
const loaders_lock = ReentrantLock()

# The garbage collector may be what releases: no lock, nothing but this mark.
released(loader::Loader) = loader.load! === nothing
on_release(loader) = (loader.load! = nothing; nothing)

function on_load(numbers::Ptr{Csize_t}, count::Csize_t, images::Ptr{UInt8}, loader)::Int32
    done = shielded() do
        batch = zeros(UInt8, loader.size..., count)
        loader.load!(batch, [Int(unsafe_load(numbers, place)) + 1 for place in 1:count])
        GC.@preserve batch unsafe_copyto!(images, pointer(batch), length(batch))
    end
    return done === nothing
end

function Dataset(load!::Base.Callable, size::NTuple{4,Integer}; id::AbstractString, classes::Integer,
                 mean = nothing, stddev = nothing)
    width, height, channels, count = size
    loader = Loader(load!, (width, height, channels))
    lock(loaders_lock) do
        filter!(!released, loaders)
        push!(loaders, loader)
    end
    try
        return new_dataset(LibTenas.tenas_dataset_from_callback, count, channels, height, width,
                           normalisation(mean, channels, "mean"), normalisation(stddev, channels, "stddev"),
                           classes, @cfunction(on_load, Int32, (Ptr{Csize_t}, Csize_t, Ptr{UInt8}, Any)),
                           @cfunction(on_release, Cvoid, (Any,)), loader, id)
    catch
        # A failed call leaves it ours.
        on_release(loader)
        rethrow()
    end
end

"What a data set is; the fields are those of `tenas_dataset_facts`."
struct DatasetInfo
    count::Int
    channels::Int
    height::Int
    width::Int
    classes::Int
    skipped::Int
    kind::Int
end

facts(dataset::Dataset) =
    from_c(DatasetInfo, filled(LibTenas.tenas_dataset_facts, LibTenas.tenas_dataset_info, dataset))

"The number of images."
Base.length(dataset::Dataset) = facts(dataset).count

"Width, height, channels and number of the images."
function Base.size(dataset::Dataset)
    found = facts(dataset)
    return (found.width, found.height, found.channels, found.count)
end

"The number of classes of a data set."
classes(dataset::Dataset) = facts(dataset).classes

"The number of images that were found broken so far."
skipped(dataset::Dataset) = facts(dataset).skipped

"Which data set it is: `:cifar10`, or `:custom` for images of your own."
kind(dataset::Dataset) = name(LibTenas.tenas_dataset_kind, facts(dataset).kind)

kind(path::AbstractString) =
    throw(ArgumentError("dataset: found none, expected which data set is at $(repr(path)), :cifar10 for example"))

"Where the images came from."
source(dataset::Dataset) = text(LibTenas.tenas_dataset_source, dataset)

"A number that tells data sets apart, the same on every machine."
digest(dataset::Dataset) = value(UInt64, LibTenas.tenas_dataset_digest, dataset)

function Base.show(io::IO, dataset::Dataset)
    isopen(dataset) || return print(io, "Dataset(closed)")
    print(io, "Dataset(", repr(kind(dataset)), ", ", join(size(dataset), "x"), ", ", source(dataset), ")")
end
