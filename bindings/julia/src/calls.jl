# How everything else calls the C ABI: handles, errors, and what callbacks throw.

"""
What a function of libtenas fails with: a `code`, such as `:invalid_argument` or `:cancelled` (a
`TENAS_ERROR_...` of `tenas.h`), and a `message` that names what was found and what was expected.
"""
struct TenasError <: Exception
    code::Symbol
    message::String
end

# Of a status that a call on this thread has just returned.
function TenasError(status::Integer)
    name = unsafe_string(LibTenas.tenas_status_name(status))
    code = startswith(name, "TENAS_ERROR_") ? lowercase(name[13:end]) : "status_$status"
    return TenasError(Symbol(code), unsafe_string(LibTenas.tenas_last_error_message()))
end

Base.showerror(io::IO, error::TenasError) =
    print(io, "TenasError(", repr(error.code), "): ", error.message)

# Handles. A C object is freed once: when it is closed, or collected, and no call works on it.

abstract type Handle end

struct Owner{T}
    pointer::Ptr{T}
    # The calls at work, and one more until it is closed.
    users::Threads.Atomic{Int}
    closed::Threads.Atomic{Int}
end

Owner(pointer::Ptr{T}) where {T} =
    Owner{T}(pointer, Threads.Atomic{Int}(1), Threads.Atomic{Int}(0))

owner(handle::Handle) = getfield(handle, :owner)

acquire(argument) = nothing
function acquire(handle::Handle)
    users = owner(handle).users
    seen = users[]
    while seen > 0 && isopen(handle)
        before = Threads.atomic_cas!(users, seen, seen + 1)
        before == seen && return nothing
        seen = before
    end
    throw(TenasError(:invalid_state, "this $(typeof(handle)) is closed"))
end

release(argument) = nothing
function release(handle::Handle)
    Threads.atomic_sub!(owner(handle).users, 1) == 1 && free(owner(handle).pointer)
    return nothing
end

"""
    close(handle)

Frees a `Dataset`, `Config`, `Context`, `Network` or `Benchmark` now; else the garbage collector does. If a call
works on it, it is freed when that returns. Closing again does nothing.
"""
function Base.close(handle::Handle)
    Threads.atomic_cas!(owner(handle).closed, 0, 1) == 0 && release(handle)
    return nothing
end

Base.isopen(handle::Handle) = owner(handle).closed[] == 0

# Never freed memory, however it is called.
pointer_of(handle::Handle) = isopen(handle) ? owner(handle).pointer : oftype(owner(handle).pointer, C_NULL)

# What a callback threw waits here, in the task that called in, until the C function has returned.
const THROWN = gensym(:tenas_thrown)

keep(thrown) = (task_local_storage(THROWN, Some{Any}(thrown)); nothing)

"""
Runs a function of the user's inside a C function: nothing that it throws, not even Ctrl-C, passes
through C. `nothing` if it threw; the call in progress then throws that.
"""
function shielded(f)
    try
        return Some{Any}(Base.reenable_sigint(f))
    catch thrown
        keep(thrown)
        return nothing
    end
end

"Calls a C function that returns a status, on handles that stay open meanwhile."
function call(f, arguments...)
    acquired = 0
    storage = task_local_storage()
    outer = pop!(storage, THROWN, nothing)
    # A task that is switched in a callback must go on under the C frames of its thread.
    task = current_task()
    sticky = task.sticky
    task.sticky = true
    try
        for argument in arguments
            acquire(argument)
            acquired += 1
        end
        status = Base.disable_sigint(() -> f(arguments...))
        thrown = pop!(storage, THROWN, nothing)
        thrown === nothing || throw(something(thrown))
        status == 0 || throw(TenasError(status))
    finally
        task.sticky = sticky
        outer === nothing || (storage[THROWN] = outer)
        foreach(release, arguments[1:acquired])
    end
    return nothing
end

# Outputs.

"The one value of type `T` that a function sets."
function value(::Type{T}, f, arguments...) where {T}
    out = Ref{T}(empty_value(T))
    call(f, arguments..., out)
    return out[]
end

empty_value(::Type{T}) where {T<:Number} = zero(T)
empty_value(::Type{T}) where {T<:Union{Ptr,Cstring}} = T(C_NULL)

"A struct of the C ABI with its size, for the library to fill in."
sized(::Type{T}) where {T} = T(sizeof(T), map(empty_value, fieldtypes(T)[2:end])...)

function filled(::Type{T}, f, arguments...) where {T}
    out = Ref(sized(T))
    call(f, arguments..., out)
    return out[]
end

"A struct of Julia's from the fields of the same names of one of C's."
from_c(::Type{T}, c) where {T} =
    T((convert(fieldtype(T, name), getfield(c, name)) for name in fieldnames(T))...)

"A text that a function writes into a buffer: its last arguments are buffer, capacity and length."
function text(f, arguments...)
    length = Ref{Csize_t}(value(Csize_t, f, arguments..., C_NULL, 0))
    while true
        buffer = Vector{UInt8}(undef, length[] + 1)
        try
            call(f, arguments..., buffer, sizeof(buffer), length)
            return String(resize!(buffer, length[]))
        catch failure
            # Another thread has made it longer meanwhile.
            failure isa TenasError && failure.code === :buffer_too_small || rethrow()
        end
    end
end

"The array that a function writes. Without one it tells the number of its values."
function read_array(::Type{T}, f, arguments...) where {T}
    count = Ref{Csize_t}(value(Csize_t, f, arguments..., C_NULL, 0))
    values = Vector{T}(undef, count[])
    call(f, arguments..., values, count[], count)
    return values
end
