/* config_xml: see config_xml.h. */
#include "config_xml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first child element of that name, or NULL. */
static xmlNode *
child(xmlNode *node, const char *name)
{
    if (!node)
        return NULL;
    for (node = node->children; node; node = node->next)
        if (node->type == XML_ELEMENT_NODE &&
            strcmp((const char *)node->name, name) == 0)
            return node;
    return NULL;
}

static char *
text_of(xmlNode *mysql, const char *name)
{
    xmlNode *node = child(mysql, name);
    xmlChar *text = node ? xmlNodeGetContent(node) : NULL;
    char *copy = strdup(text ? (const char *)text : "");

    xmlFree(text);
    return copy;
}

static void
be_quiet(void *arg, const char *fmt, ...)
{
    (void)arg;
    (void)fmt;
}

/* The parser's own words could quote the file, and so the password: only the
 * place is told. */
static const char *
unreadable(void)
{
    static char what[128];
    const xmlError *e = xmlGetLastError();

    if (e && e->domain == XML_FROM_IO)
        return "the file cannot be read; check the path and its rights";
    snprintf(what, sizeof what,
        "the file is not well-formed XML (line %d); give host, user, "
        "password and billing here instead",
        e ? e->line : 0);
    return what;
}

const char *
config_xml_read(struct config_xml *x, const char *path)
{
    xmlDoc *doc;
    xmlNode *mysql;

    xmlSetGenericErrorFunc(NULL, be_quiet);
    doc = xmlReadFile(
        path, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!doc)
        return unreadable();
    mysql = child(child(xmlDocGetRootElement(doc), "parameters"), "mysql");
    if (!mysql) {
        xmlFreeDoc(doc);
        return "the file has no parameters/mysql; is it MikBill's config.xml?";
    }
    x->host = text_of(mysql, "host");
    x->dbname = text_of(mysql, "dbname");
    x->username = text_of(mysql, "username");
    x->password = text_of(mysql, "password");
    xmlFreeDoc(doc);
    if (x->host && x->dbname && x->username && x->password)
        return NULL;
    config_xml_free(x);
    return "out of memory";
}

void
config_xml_free(struct config_xml *x)
{
    free(x->host);
    free(x->dbname);
    free(x->username);
    free(x->password);
    *x = (struct config_xml){ 0 };
}
