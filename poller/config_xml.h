/*
 * config_xml: the billing's own configuration file.
 *
 * Reads parameters/mysql/{host,dbname,username,password} below the root. The
 * file is trusted no further: no network, no external entities.
 */
#ifndef MBEV_CONFIG_XML_H
#define MBEV_CONFIG_XML_H

struct config_xml {
    char *host, *dbname, *username, *password; /* owned; "" when absent */
};

/* Reads the file. Returns what is wrong with it, with the cure, or NULL; only
 * then *x is to be freed. The text is valid until the next call. */
const char *config_xml_read(struct config_xml *x, const char *path);
void config_xml_free(struct config_xml *x);

#endif
