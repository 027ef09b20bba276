# Run by CPack before it makes each package: packs what Debian wants packed,
# and leaves out of the RPM what only Debian knows.
file(GLOB_RECURSE files
  ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/man/*
  ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/doc/*/changelog)
list(FILTER files EXCLUDE REGEX "\\.gz$")
if(files)
  execute_process(COMMAND gzip -9n ${files} COMMAND_ERROR_IS_FATAL ANY)
endif()
if(CPACK_GENERATOR STREQUAL RPM)
  file(GLOB overrides ${CPACK_TEMPORARY_DIRECTORY}/*/usr/share/lintian)
  if(overrides)
    file(REMOVE_RECURSE ${overrides})
  endif()
endif()
