/* The billing's config.xml. */
#include "fuzz.h"

#include "config_xml.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = fuzz_input(data, size);
    struct config_xml x;
    const char *wrong = config_xml_read(&x, fuzz_file(in.p, in.n));

    if (wrong) {
        holds(*wrong && !fuzz_has_control(wrong));
        return 0;
    }
    holds(utf8_valid(x.host, strlen(x.host)));
    holds(utf8_valid(x.dbname, strlen(x.dbname)));
    holds(utf8_valid(x.username, strlen(x.username)));
    holds(utf8_valid(x.password, strlen(x.password)));
    config_xml_free(&x);
    return 0;
}
