/* settings_keys: the table of all keys; see settings.h. */
#include "settings.h"

#define AT(member) offsetof(struct settings, member)
#define MINUTE_MS (60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24LL * HOUR_MS)

#define COMPANY "name site cabinet phone signature currency"
#define PAYMENT COMPANY " login uid amount ending"

const struct settings_section settings_sections[] = {
    { "database",
        "The database server of the billing. What is empty here is taken\n"
        "from config_xml, when that is set." },
    { "service", "The service itself." },
    { "billing", "How the billing's data is read." },
    { "company", "Fields for message texts: {name} {site} {cabinet} {phone}\n"
                 "{signature} {currency}." },
    { "notice", "What holds for all messages to subscribers." },
    { "smspilot", "SMS through smspilot.ru." },
    { "payment", "A payment was booked." },
};
const size_t settings_sections_n =
    sizeof settings_sections / sizeof *settings_sections;

const struct settings_key settings_keys[] = {
    { "database", "config_xml", KEY_TEXT, false, AT(database.config_xml), "", 0,
        0, NULL,
        "MikBill's own configuration file, for host, user, password and\n"
        "billing, e.g. /var/www/mikbill/admin/app/etc/config.xml" },
    { "database", "host", KEY_TEXT, false, AT(database.host), "", 0, 0, NULL,
        "Host name or address; empty = through the socket" },
    { "database", "port", KEY_NUMBER, false, AT(database.port), "3306", 1,
        65535, NULL, "TCP port, when host is set" },
    { "database", "socket", KEY_TEXT, false, AT(database.socket), "", 0, 0,
        NULL, "Unix socket; empty = the client library's default" },
    { "database", "user", KEY_TEXT, false, AT(database.user), "", 0, 0, NULL,
        "Account of the service, see sql/grants.sql;\n"
        "empty = from config_xml, else mbev_service" },
    { "database", "password", KEY_TEXT, true, AT(database.password), "", 0, 0,
        NULL, "Its password" },
    { "database", "billing", KEY_TEXT, false, AT(database.billing), "", 0, 0,
        NULL,
        "Name of the billing's database;\n"
        "empty = from config_xml, else mikbill" },
    { "database", "events", KEY_TEXT, false, AT(database.events),
        "mikbill_events", 0, 0, NULL, "Name of our own database beside it" },

    { "service", "doorbell", KEY_TEXT, false, AT(service.doorbell),
        MBEV_DOORBELL, 0, 0, NULL,
        "Socket at which the database wakes the service. The library in\n"
        "the server has the same path built in: change both or none" },
    { "service", "state_dir", KEY_TEXT, false, AT(service.state_dir),
        MBEV_STATE_DIR, 0, 0, NULL,
        "Folder for what must outlive a crash: the journal of attempts,\n"
        "kept when the server's innodb_flush_log_at_trx_commit is not 1" },
    { "service", "log_level", KEY_TEXT, false, AT(service.log_level), "info", 0,
        0, NULL, "error, warning, info or debug" },
    { "service", "safety_poll", KEY_DURATION, false, AT(service.safety_poll_ms),
        "1 s", 10, MINUTE_MS, NULL,
        "How often to look for work when nobody rang" },
    { "service", "lease", KEY_DURATION, false, AT(service.lease_ms), "60 s",
        5000, HOUR_MS, NULL,
        "For how long one service owns the work; another one takes over\n"
        "when it was not renewed. At least 10 s more than the longest "
        "timeout" },
    { "service", "stop_timeout", KEY_DURATION, false, AT(service.stop_ms),
        "25 s", 0, HOUR_MS, NULL,
        "How long to wait for running calls when told to stop" },
    { "service", "batch", KEY_NUMBER, false, AT(service.batch), "500", 1, 5000,
        NULL, "Most events taken over in one transaction" },

    { "billing", "moved_subscribers", KEY_BOOL, false,
        AT(billing.moved_subscribers), "yes", 0, 0, NULL,
        "On a modern schema (users.state): do rows of usersfreeze count too" },
    { "billing", "backdated", KEY_DURATION, false, AT(billing.backdated_ms),
        "1 h", 0, 3650 * DAY_MS, NULL,
        "A row dated further back than this starts no message" },

    { "company", "name", KEY_TEXT, false, AT(company.name), "", 0, 0, NULL,
        "Name of the company" },
    { "company", "site", KEY_TEXT, false, AT(company.site), "", 0, 0, NULL,
        "Its web site" },
    { "company", "cabinet", KEY_TEXT, false, AT(company.cabinet), "", 0, 0,
        NULL, "Address of the subscriber's cabinet" },
    { "company", "phone", KEY_TEXT, false, AT(company.phone), "", 0, 0, NULL,
        "Phone of the help desk" },
    { "company", "signature", KEY_TEXT, false, AT(company.signature), "", 0, 0,
        NULL, "Last words of a message" },
    { "company", "currency", KEY_TEXT, false, AT(company.currency), "руб", 0, 0,
        NULL, "Currency as it stands behind an amount" },

    { "notice", "not_sent", KEY_TEXT, false, AT(notice.not_sent),
        "Не отправлено", 0, 0, NULL,
        "What sms_logs.sms_error_text says when the provider gave no words\n"
        "of its own" },
    { "notice", "retry_first", KEY_DURATION, false, AT(notice.retry_first_ms),
        "30 s", 100, DAY_MS, NULL,
        "Pause after the first failure that may pass; doubles each time" },
    { "notice", "retry_longest", KEY_DURATION, false,
        AT(notice.retry_longest_ms), "1 h", 100, DAY_MS, NULL,
        "Longest such pause" },
    { "notice", "expire", KEY_DURATION, false, AT(notice.expire_ms), "24 h",
        1000, 365 * DAY_MS, NULL, "A message older than this is not sent" },
    { "notice", "hold", KEY_DURATION, false, AT(notice.hold_ms), "1 min", 100,
        DAY_MS, NULL,
        "Pause of the whole channel when the provider refuses the account\n"
        "(key, money, sender); then one message tries again" },

    { "smspilot", "url", KEY_TEXT, false, AT(smspilot.url),
        "https://smspilot.ru/api.php", 0, 0, NULL,
        "Address of the interface API-1" },
    { "smspilot", "api_key", KEY_TEXT, true, AT(smspilot.api_key), "", 0, 0,
        NULL, "Key from the provider's cabinet" },
    { "smspilot", "sender", KEY_TEXT, false, AT(smspilot.sender), "INFORM", 0,
        0, NULL, "Registered name of the sender" },
    { "smspilot", "ca_file", KEY_TEXT, false, AT(smspilot.ca_file), "", 0, 0,
        NULL, "Certificates to trust; empty = the system's" },
    { "smspilot", "connections", KEY_NUMBER, false, AT(smspilot.connections),
        "4", 1, 64, NULL, "Most requests at the same time" },
    { "smspilot", "connect_timeout", KEY_DURATION, false,
        AT(smspilot.connect_timeout_ms), "10 s", 100, 10 * MINUTE_MS, NULL,
        "Time limit for the connection" },
    { "smspilot", "timeout", KEY_DURATION, false, AT(smspilot.timeout_ms),
        "20 s", 100, 10 * MINUTE_MS, NULL, "Time limit for a whole request" },

    { "payment", "sms", KEY_BOOL, false, AT(payment.sms), "yes", 0, 0, NULL,
        "Send an SMS" },
    { "payment", "minimum", KEY_MONEY, false, AT(payment.minimum_kopecks),
        "10.00", 0, 0, NULL, "Smaller payments are not announced" },
    { "payment", "text", KEY_TEMPLATE, false, AT(payment.text),
        "Ваш платёж {amount} {currency}. зачислен на счёт {login}. {ending}", 0,
        0, PAYMENT,
        "Text; fields: {login} {uid} {amount} {ending} and the company's.\n"
        "A brace itself is written twice: {{" },
    { "payment", "ending", KEY_TEXTS, false, AT(payment.ending),
        "Спасибо, что вы с нами!\n"
        "Благодарим за оплату!\n"
        "Спасибо за своевременную оплату!",
        0, 0, COMPANY,
        "{ending}: one of these at random; repeat the key for each" },
};
const size_t settings_keys_n = sizeof settings_keys / sizeof *settings_keys;
