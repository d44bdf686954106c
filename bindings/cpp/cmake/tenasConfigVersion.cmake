# Whether the installed version will do for find_package(tenas VERSION): the same major version and
# no older; while that is 0, the same minor version too.

get_filename_component(_tenas_here "${CMAKE_CURRENT_LIST_FILE}" DIRECTORY)
set(_tenas_includedir ../../../include)
file(STRINGS "${_tenas_here}/${_tenas_includedir}/tenas.h" _tenas_line REGEX "^#define TENAS_VERSION \"")
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" PACKAGE_VERSION "${_tenas_line}")

string(REGEX MATCH "^(0\\.)?[0-9]+" _tenas_series "${PACKAGE_VERSION}")
set(PACKAGE_VERSION_COMPATIBLE FALSE)
set(PACKAGE_VERSION_EXACT FALSE)
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
    set(PACKAGE_VERSION_EXACT TRUE)
elseif(PACKAGE_FIND_VERSION VERSION_LESS PACKAGE_VERSION
       AND (PACKAGE_FIND_VERSION MATCHES "^${_tenas_series}(\\.|$)" OR PACKAGE_FIND_VERSION STREQUAL "0"))
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
unset(_tenas_here)
unset(_tenas_includedir)
unset(_tenas_line)
unset(_tenas_series)
