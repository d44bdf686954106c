# LibTenas against the C header: functions, types, structs, constants.

const HEADER = read(joinpath(CLONE, "include", "tenas.h"), String)
const CODE = replace(HEADER, r"/\*.*?\*/"s => "")
const RAW = read(joinpath(CLONE, "bindings", "julia", "src", "LibTenas.jl"), String)

const JULIA_TYPES = Dict("bool" => "Bool", "uint8_t" => "UInt8", "int32_t" => "Int32", "uint32_t" => "UInt32",
                         "uint64_t" => "UInt64", "size_t" => "Csize_t", "double" => "Cdouble",
                         "float" => "Cfloat", "char" => "UInt8", "void" => "Cvoid")

"The type that Julia has for one of C's."
function julia_type(c, name = "")
    c = strip(replace(c, r"\bconst\b" => ""))
    base, stars = strip(replace(c, "*" => "")), count(isequal('*'), c)
    if base == "char" && stars > 0 && name != "buffer"
        type, stars = "Cstring", stars - 1
    elseif base == "void" && stars == 1
        type, stars = name == "user" ? "Any" : "Ptr{Cvoid}", 0
    else
        type = get(JULIA_TYPES, base, base)
    end
    return "Ptr{"^stars * type * "}"^stars
end

squeezed(text) = replace(strip(text), r"\s+" => " ")

"Name => (arguments with types, result) of each C function, in Julia's words."
function declared()
    functions = Dict{String,Tuple{Vector{String},String}}()
    for found in eachmatch(r"^((?:const )?\w+ \*?)(tenas_\w+)\(([^;{}]*)\);"m, CODE)
        result, name, list = found.captures
        arguments = squeezed(list) == "void" ? String[] : map(split(squeezed(list), ',')) do argument
            type, argument = match(r"^\s*(.*?)(\w+)$", argument).captures
            "$argument::$(julia_type(type, argument))"
        end
        functions[name] = (arguments, julia_type(result))
    end
    return functions
end

"The same of the ccalls in LibTenas.jl; each is counted."
function called()
    functions, calls = Dict{String,Tuple{Vector{String},String}}(), 0
    pattern = r"(?:^|\n)(tenas_\w+)\(([^)]*)\) =\s+@ccall \$\(symbol\(:(\w+)\)\)\(([^)]*)\)::(\w+)"
    for found in eachmatch(pattern, RAW)
        name, names, symbol, list, result = found.captures
        arguments = isempty(list) ? String[] : split(squeezed(list), ", ")
        @test name == symbol
        @test split(squeezed(names), ", "; keepempty = false) == [split(each, "::")[1] for each in arguments]
        functions[name] = (arguments, result)
        calls += 1
    end
    @test calls == length(functions)
    @test calls == length(collect(eachmatch(r"@?ccall\b", RAW)))  # no other
    return functions
end

@testset "each C function once, with its types" begin
    header, package = declared(), called()
    @test length(header) > 90
    @test sort!(collect(keys(package))) == sort!(collect(keys(header)))
    for (name, signature) in header
        @test get(package, name, nothing) == signature
        @test isdefined(LibTenas, Symbol(name))
        @test LibTenas.symbol(Symbol(name)) != C_NULL
    end
    # What the library exports.
    @test sort!(collect(keys(package))) == sort!(readlines(joinpath(CLONE, "tests", "abi", "symbols.txt")))
end

@testset "structs and constants as C has them" begin
    structs = [Symbol(found[1]) for found in eachmatch(r"typedef struct (\w+) \{", CODE)]
    enums = [found[1] => [each.match for each in eachmatch(r"TENAS_\w+", found[2])]
             for found in eachmatch(r"typedef enum (\w+) \{(.*?)\}"s, CODE)]
    @test length(structs) == 12 && length(enums) >= 8
    program = sprint() do io
        println(io, "#include <stdio.h>\n#include \"tenas.h\"\nint main(void) {")
        println(io, "printf(\"TENAS_ABI_VERSION %d\\n\", TENAS_ABI_VERSION);")
        for name in structs
            println(io, "printf(\"$name %zu\\n\", sizeof($name));")
            for field in fieldnames(getfield(LibTenas, name))
                place = "offsetof($name, $field), sizeof((($name *)0)->$field)"
                println(io, "printf(\"$name.$field %zu %zu\\n\", $place);")
            end
        end
        for (_, constants) in enums, constant in constants
            println(io, "printf(\"$constant %d\\n\", (int)$constant);")
        end
        println(io, "return 0; }")
    end
    facts = mktempdir() do folder
        write(joinpath(folder, "layout.c"), program)
        compiler = get(ENV, "CC", "cc")
        run(`$compiler -std=c99 -I$(joinpath(CLONE, "include")) $folder/layout.c -o $folder/layout`)
        readlines(`$folder/layout`)
    end
    found = ["TENAS_ABI_VERSION $(LibTenas.TENAS_ABI_VERSION)"]
    for name in structs
        type = getfield(LibTenas, name)
        push!(found, "$name $(sizeof(type))")
        for (place, field) in enumerate(fieldnames(type))
            push!(found, "$name.$field $(fieldoffset(type, place)) $(sizeof(fieldtype(type, place)))")
        end
    end
    for (enum, constants) in enums
        @test length(instances(getfield(LibTenas, Symbol(enum)))) == length(constants)
        for constant in constants
            push!(found, "$constant $(Int(getfield(LibTenas, Symbol(constant))))")
        end
    end
    @test found == facts
    # All fields: a struct of C's that has more would be larger, or its last field elsewhere.
    for found in eachmatch(r"typedef struct (\w+) \{(.*?)\}"s, CODE)
        @test count(isequal(';'), found[2]) == fieldcount(getfield(LibTenas, Symbol(found[1])))
    end
end

@testset "versions" begin
    @test Tenas.abi_version() == LibTenas.TENAS_ABI_VERSION
    @test string(Tenas.version()) == match(r"TENAS_VERSION \"(.*)\"", HEADER)[1]
    @test occursin("\"version\":\"$(Tenas.version())\"", Tenas.build_info())
    project = read(joinpath(CLONE, "bindings", "julia", "Project.toml"), String)
    @test match(r"version = \"(.*)\"", project)[1] == string(Tenas.version())
end

@testset "every status is an error with its name" begin
    for status in instances(LibTenas.tenas_status_code)
        status == LibTenas.TENAS_OK && continue
        code = Symbol(lowercase(replace(string(status), "TENAS_ERROR_" => "")))
        fails(() -> Tenas.call(() -> Int32(Int(status))), code)
    end
    fails(() -> Tenas.call(() -> Int32(4711)), :status_4711)
    @test Tenas.call(() -> Int32(0)) === nothing
    @test sprint(showerror, TenasError(:io, "no file")) == "TenasError(:io): no file"

    # As the library gives them.
    fails(() -> Tenas.call(LibTenas.tenas_config_set_seed, C_NULL, 1), :null_pointer, "config")
    fails(() -> settings(batch_size = 1), :invalid_argument, "batch_size", "found 1")
    fails(() -> genotype(Context(settings(), images())), :invalid_state)
    fails(() -> Dataset(:cifar10, "/no/such/folder"), :io, "/no/such/folder")
    fails(() -> Config("{"), :format)
    fails(() -> settings(device = :cuda), :device)
    fails(() -> settings(colour = 1), :not_found, "colour")
    short() = Tenas.call(LibTenas.tenas_build_info, zeros(UInt8, 1), 1, Ref{Csize_t}(0))
    fails(short, :buffer_too_small, "capacity: found 1")
end
