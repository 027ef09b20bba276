# Packages for Debian and RPM, made by CPack: the service, and what the
# database server needs, which may be another host. scripts/package.sh makes
# and tries them.
set(MBEV_MAINTAINER
    "the mikbill-events authors <maintainers@mikbill-events.invalid>"
    CACHE STRING "Who answers for the packages: NAME <ADDRESS>")
set(here ${PROJECT_SOURCE_DIR}/packaging)
set(made ${PROJECT_BINARY_DIR}/packaging)
string(TIMESTAMP MBEV_PACKAGE_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)

# Only in packages: not by cmake --install.
configure_file(${here}/changelog.in ${made}/changelog @ONLY)
set(suffix_server -server)
foreach(component service server)
  install(FILES ${here}/copyright ${made}/changelog
          DESTINATION ${CMAKE_INSTALL_DOCDIR}${suffix_${component}}
          COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()
install(FILES ${here}/deb/service/overrides
        DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
        RENAME mikbill-events EXCLUDE_FROM_ALL)
install(FILES ${here}/README.server
        DESTINATION ${CMAKE_INSTALL_DOCDIR}-server RENAME README
        COMPONENT server EXCLUDE_FROM_ALL)
install(FILES conf/mbevd.ini DESTINATION ${MBEV_CONF_DIR}
        PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ
        COMPONENT service EXCLUDE_FROM_ALL)
install(FILES README.md README.ru.md DESTINATION ${CMAKE_INSTALL_DOCDIR}
        EXCLUDE_FROM_ALL)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} EXCLUDE_FROM_ALL
        FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)

set(CPACK_PACKAGE_NAME mikbill-events)
set(CPACK_PACKAGE_VENDOR "the mikbill-events authors")
set(CPACK_PACKAGE_CONTACT "${MBEV_MAINTAINER}")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL service server)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${here}/stage.cmake)
set(CPACK_GENERATOR DEB)

# Each has its own.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(summary_service "service that acts on what a MikBill billing commits")
set(text_service
"mbevd reads the events that the database of a MikBill billing records in
its transactions, and does what is to follow, each thing once: SMS, messages
in the social networks, fiscal receipts, bonuses, the end of discounts,
resets of sessions on MikroTik routers.

This package has the service, its unit for systemd and the operator's
command mbevctl. What the database server needs is in
mikbill-events-server.")
set(summary_server "library and SQL of mikbill-events for the database server")
set(text_server
"mikbill-events acts on what a MikBill billing commits. Triggers record each
change that something follows from; they use a small library of functions.

This package lays the library and the SQL files ready on the host of the
database server (MariaDB, MySQL, Percona). Nothing in the server is changed
until its administrator does so; how is in the package's README.")

# Debian
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${MBEV_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_SERVICE_PACKAGE_NAME mikbill-events)
set(CPACK_DEBIAN_SERVICE_DESCRIPTION "${summary_service}\n${text_service}")
set(CPACK_DEBIAN_SERVICE_PACKAGE_SECTION admin)
# procps: the unit reloads the service by /bin/kill.
set(CPACK_DEBIAN_SERVICE_PACKAGE_DEPENDS
    "systemd | systemd-sysusers, systemd | systemd-tmpfiles, procps, ca-certificates, tzdata")
set(CPACK_DEBIAN_SERVICE_PACKAGE_SUGGESTS mikbill-events-server)
set(CPACK_DEBIAN_SERVICE_PACKAGE_CONTROL_EXTRA
    ${here}/deb/service/conffiles ${here}/deb/service/postinst
    ${here}/deb/service/prerm ${here}/deb/service/postrm)
set(CPACK_DEBIAN_SERVER_PACKAGE_NAME mikbill-events-server)
set(CPACK_DEBIAN_SERVER_DESCRIPTION "${summary_server}\n${text_server}")
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION database)
# mbevctl install.
set(CPACK_DEBIAN_SERVER_PACKAGE_RECOMMENDS mikbill-events)
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS
    "default-mysql-client | virtual-mysql-client")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
    ${here}/deb/server/postinst ${here}/deb/server/postrm)

# RPM
file(READ ${PROJECT_SOURCE_DIR}/conf/mbevd.sysusers MBEV_SYSUSERS)
string(STRIP "${MBEV_SYSUSERS}" MBEV_SYSUSERS)
configure_file(${here}/rpm/pre.in ${made}/pre @ONLY)
set(CPACK_RPM_COMPONENT_INSTALL ON)
set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE MIT)
set(CPACK_RPM_PACKAGE_RELEASE 1)
set(CPACK_RPM_PACKAGE_RELEASE_DIST ON)
set(CPACK_RPM_PACKAGE_RELOCATABLE OFF)
set(CPACK_RPM_NO_INSTALL_PREFIX_RELOCATION ON)
set(CPACK_RPM_SPEC_MORE_DEFINE
"%define packager ${MBEV_MAINTAINER}
%define _buildhost localhost")
set(CPACK_RPM_SERVICE_PACKAGE_NAME mikbill-events)
set(CPACK_RPM_SERVICE_PACKAGE_SUMMARY "${summary_service}")
set(CPACK_RPM_SERVICE_PACKAGE_DESCRIPTION "${text_service}")
set(CPACK_RPM_SERVICE_PACKAGE_REQUIRES_PRE systemd)
set(CPACK_RPM_SERVICE_PACKAGE_REQUIRES "systemd, ca-certificates, tzdata")
set(CPACK_RPM_SERVICE_PRE_INSTALL_SCRIPT_FILE ${made}/pre)
set(CPACK_RPM_SERVICE_POST_INSTALL_SCRIPT_FILE ${here}/rpm/post)
set(CPACK_RPM_SERVICE_PRE_UNINSTALL_SCRIPT_FILE ${here}/rpm/preun)
set(CPACK_RPM_SERVICE_POST_UNINSTALL_SCRIPT_FILE ${here}/rpm/postun)
set(CPACK_RPM_SERVICE_USER_FILELIST
    "%dir %attr(0750,root,mbevd) ${MBEV_CONF_DIR}"
    "%config(noreplace) %attr(0640,root,mbevd) ${MBEV_CONF_DIR}/mbevd.ini")
set(CPACK_RPM_SERVER_PACKAGE_NAME mikbill-events-server)
set(CPACK_RPM_SERVER_PACKAGE_SUMMARY "${summary_server}")
set(CPACK_RPM_SERVER_PACKAGE_DESCRIPTION "${text_server}")
set(CPACK_RPM_SERVER_POST_INSTALL_SCRIPT_FILE ${here}/rpm/post-server)
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
    /etc /usr/sbin /usr/lib/systemd /usr/lib/systemd/system /usr/lib/sysusers.d
    /usr/lib/tmpfiles.d /usr/share/bash-completion
    /usr/share/bash-completion/completions /usr/share/lintian
    /usr/share/lintian/overrides /usr/share/man /usr/share/man/man5
    /usr/share/man/man7 /usr/share/man/man8)

include(CPack)
cpack_add_component(service)
cpack_add_component(server)
