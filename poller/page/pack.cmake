# Packs the status page into a C header:
#
#   cmake -DPAGE=page.html -DHEADER=page_bytes.h -P pack.cmake
#
# page_bytes[] is the file, compressed by gzip; PAGE_SCRIPT_HASH and
# PAGE_STYLE_HASH are those of its one script and style, for the Content-Security-Policy. The same file gives the same
# header.
set(ENV{SOURCE_DATE_EPOCH} 0)
get_filename_component(folder "${PAGE}" DIRECTORY)
get_filename_component(name "${PAGE}" NAME)

file(READ "${PAGE}" html)
set(letters
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

# What stands between <TAG> and </TAG>, as SHA-256 in base64. CMake has no
# base64: four letters are six hexadecimal digits.
function(hash_of tag out)
  string(LENGTH "<${tag}>" skip)
  string(FIND "${html}" "<${tag}>" from)
  string(FIND "${html}" "</${tag}>" to)
  math(EXPR from "${from} + ${skip}")
  math(EXPR length "${to} - ${from}")
  string(SUBSTRING "${html}" ${from} ${length} text)
  string(SHA256 digest "${text}")
  set(hash "")
  foreach(at RANGE 0 60 6)
    string(SUBSTRING "${digest}00" ${at} 6 six)
    foreach(shift 18 12 6 0)
      math(EXPR i "(0x${six} >> ${shift}) & 63")
      string(SUBSTRING "${letters}" ${i} 1 letter)
      string(APPEND hash "${letter}")
    endforeach()
  endforeach()
  string(SUBSTRING "${hash}" 0 43 hash)
  set(${out} "${hash}=" PARENT_SCOPE)
endfunction()
hash_of(script script_hash)
hash_of(style style_hash)

file(ARCHIVE_CREATE OUTPUT "${HEADER}.gz" PATHS "${PAGE}"
     FORMAT raw COMPRESSION GZip COMPRESSION_LEVEL 9)
file(READ "${HEADER}.gz" hex HEX)
file(REMOVE "${HEADER}.gz")
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(............................................................)"
       "\\1\n" bytes "${bytes}")
file(WRITE "${HEADER}" "/* Made of ${name} by pack.cmake. */
#define PAGE_SCRIPT_HASH \"${script_hash}\"
#define PAGE_STYLE_HASH \"${style_hash}\"
static const unsigned char page_bytes[] = {
${bytes}
};
")
