# Run by CPack before it makes packages: packs what Debian wants packed, leaves
# out of the RPM what only Debian knows, and opens folders, which are made as the
# umask of whoever builds says.
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
file(GLOB roots ${CPACK_TEMPORARY_DIRECTORY}/*/usr ${CPACK_TEMPORARY_DIRECTORY}/*/etc)
file(CHMOD_RECURSE ${roots} DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE
  GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
