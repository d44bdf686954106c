# find_package(tenas CONFIG) reads this. It makes two targets, for C and for C++:
#
#   tenas::tenas         the shared library
#   tenas::tenas-static  the static one, with what it needs
#
# Everything that was installed together may be moved together. `make install` writes the two paths
# below for the folders that it was given.

get_filename_component(_tenas_here "${CMAKE_CURRENT_LIST_FILE}" DIRECTORY)
set(_tenas_libdirs ../../../lib "../../../lib/${CMAKE_LIBRARY_ARCHITECTURE}" ../../../lib64)
set(_tenas_includedir ../../../include)

get_filename_component(_tenas_include "${_tenas_here}/${_tenas_includedir}" ABSOLUTE)
set(_tenas_lib)
foreach(_tenas_folder IN LISTS _tenas_libdirs)
    get_filename_component(_tenas_folder "${_tenas_here}/${_tenas_folder}" ABSOLUTE)
    if(EXISTS "${_tenas_folder}/libtenas.so" OR EXISTS "${_tenas_folder}/libtenas.a")
        set(_tenas_lib "${_tenas_folder}")
        break()
    endif()
endforeach()

if(NOT _tenas_lib OR NOT EXISTS "${_tenas_include}/tenas.h")
    set(tenas_FOUND FALSE)
    set(tenas_NOT_FOUND_MESSAGE
        "expected libtenas.so or libtenas.a in ${_tenas_libdirs} and tenas.h in ${_tenas_includedir}, seen from ${_tenas_here}")
else()
    if(EXISTS "${_tenas_lib}/libtenas.so" AND NOT TARGET tenas::tenas)
        add_library(tenas::tenas SHARED IMPORTED)
        set_target_properties(tenas::tenas PROPERTIES
            IMPORTED_LOCATION "${_tenas_lib}/libtenas.so"
            INTERFACE_INCLUDE_DIRECTORIES "${_tenas_include}")
    endif()
    if(EXISTS "${_tenas_lib}/libtenas.a" AND NOT TARGET tenas::tenas-static)
        add_library(tenas::tenas-static STATIC IMPORTED)
        set_target_properties(tenas::tenas-static PROPERTIES
            IMPORTED_LOCATION "${_tenas_lib}/libtenas.a"
            INTERFACE_INCLUDE_DIRECTORIES "${_tenas_include}"
            INTERFACE_LINK_LIBRARIES "pthread;dl;m")
    endif()
endif()
foreach(_tenas_name here libdirs includedir include lib folder name)
    unset("_tenas_${_tenas_name}")
endforeach()
