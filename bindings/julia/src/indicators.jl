# What finished architectures are worth, without training.

"""
The indicators of an architecture. The fields are those of `tenas_indicators`: a lower `ntk` is better,
and more `regions`, `naswot` and `swap`.
"""
struct Indicators
    ntk::Float64
    ntk_spread::Float64
    regions::Float64
    regions_spread::Float64
    naswot::Float64
    naswot_spread::Float64
    swap::Float64
    swap_spread::Float64
    multiply_adds::Int
    parameters::Int
    connected::Bool
    repeats::Int
    seconds::Float64
end

"""
    indicators(config, dataset, genotype)
    indicators([progress], config, dataset, genotypes)
    indicators(config, dataset, mask)

What an architecture is worth, or each of many, or the supernet of a [`Tenas.mask`](@ref). Many at once
keep all cores busy. `progress(::Progress)` is called after each; `:cancel` ends it.
"""
indicators(config::Config, dataset::Dataset, genotype::AbstractString) =
    from_c(Indicators, filled(LibTenas.tenas_indicators, LibTenas.tenas_indicators_of, config, dataset, genotype))

function indicators(config::Config, dataset::Dataset, mask::AbstractArray{Bool})
    active = UInt8[value for value in mask]
    return from_c(Indicators, filled(LibTenas.tenas_indicators, LibTenas.tenas_indicators_of_mask, config,
                                     dataset, active, length(active)))
end

function indicators(progress, config::Config, dataset::Dataset, genotypes::AbstractVector{<:AbstractString})
    found = fill(sized(LibTenas.tenas_indicators), length(genotypes))
    call(LibTenas.tenas_indicators_of_many, config, dataset, String[genotypes...], length(found),
         @cfunction(on_progress, Int32, (Ptr{LibTenas.tenas_progress}, Any)), Hooks(C_NULL, progress), found)
    return Indicators[from_c(Indicators, each) for each in found]
end

indicators(config::Config, dataset::Dataset, genotypes::AbstractVector{<:AbstractString}) =
    indicators(nothing, config, dataset, genotypes)
