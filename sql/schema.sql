-- mikbill-events: the database of its own, beside the billing.
--
--   mysql < sql/schema.sql
--
-- Needs: mbev.so in the server's plugin_dir (SELECT @@plugin_dir); all rights
-- on mikbill_events.*, SELECT, INSERT and DELETE on mysql.* (for CREATE
-- FUNCTION), BINLOG ADMIN or SUPER: run it as root.
-- Running it again is harmless: it creates what is missing, renews the
-- procedures and keeps the rest. Undo: sql/uninstall.sql.
--
-- All times are UTC and say so in their names. All text is utf8mb4 or ascii.

SET NAMES utf8mb4;
SET SESSION sql_mode = '';
SET SESSION lock_wait_timeout = 2;
SET SESSION innodb_lock_wait_timeout = 2;

-- 1. The functions of mbev.so. First, because they fail when the file is not
--    there (error 1126), and then no table is half done.
--    Not into the binary log: a replica without the file would stop there.
--    A function that works is never dropped: triggers that are in the table
--    cache would go on without it, in silence. Upgrades: docs, not this file.
--    After a repair of the functions run triggers.sql once more, for the same
--    reason.

SET SESSION sql_log_bin = 0;

-- Forgets a registration whose library the server could not load when it
-- started: CREATE FUNCTION would take it for present. (MySQL cannot drop it
-- either: there only another start helps, see functions_create.)
-- Reads and writes: mysql.func.
USE information_schema;
DELIMITER //
/*M!100500
BEGIN NOT ATOMIC
  DECLARE json_fails, ring_fails, version_fails BOOLEAN DEFAULT FALSE;
  BEGIN
    DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET json_fails = TRUE;
    DO mbev_json();
  END;
  BEGIN
    DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET ring_fails = TRUE;
    DO mbev_ring();
  END;
  BEGIN
    DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET version_fails = TRUE;
    DO mbev_version();
  END;
  IF json_fails
     AND EXISTS (SELECT 1 FROM mysql.func WHERE name = 'mbev_json') THEN
    EXECUTE IMMEDIATE 'DROP FUNCTION mbev_json';
  END IF;
  IF ring_fails
     AND EXISTS (SELECT 1 FROM mysql.func WHERE name = 'mbev_ring') THEN
    EXECUTE IMMEDIATE 'DROP FUNCTION mbev_ring';
  END IF;
  IF version_fails
     AND EXISTS (SELECT 1 FROM mysql.func WHERE name = 'mbev_version') THEN
    EXECUTE IMMEDIATE 'DROP FUNCTION mbev_version';
  END IF;
END */ //
DELIMITER ;

SET SESSION sql_log_bin = 1;

CREATE DATABASE IF NOT EXISTS mikbill_events
  DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

USE mikbill_events;

DELIMITER //

-- functions_create(): registers the functions that are not registered yet.
--   mbev_json(name, value, ...)  a JSON object of the pairs
--   mbev_ring()                  wakes the service; 0 or a negative errno
--   mbev_version()               version of the loaded library
-- Not every server knows IF NOT EXISTS here: 1125 says that one is there. Then
-- it must answer, or the server could not load the library when it started.
-- Reads and writes: mysql.func.
DROP PROCEDURE IF EXISTS functions_create //
CREATE PROCEDURE functions_create ()
  MODIFIES SQL DATA SQL SECURITY INVOKER
  COMMENT 'registers the functions of mbev.so that are missing'
BEGIN
  DECLARE CONTINUE HANDLER FOR 1125 BEGIN END;
  DECLARE EXIT HANDLER FOR 1305
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
      'the server has started without mbev.so: see that it is in plugin_dir, and restart the server';

  CREATE FUNCTION mbev_json RETURNS STRING SONAME 'mbev.so';
  CREATE FUNCTION mbev_ring RETURNS INTEGER SONAME 'mbev.so';
  CREATE FUNCTION mbev_version RETURNS STRING SONAME 'mbev.so';
  SET @mbev_text = 'DO mbev_json(), mbev_ring(), mbev_version()';
  PREPARE mbev_step FROM @mbev_text;
  EXECUTE mbev_step;
  DEALLOCATE PREPARE mbev_step;
END //

DELIMITER ;

SET SESSION sql_log_bin = 0;
CALL functions_create();
SET SESSION sql_log_bin = 1;

-- 2. The tables.

-- One row for each version of this schema that was ever installed here.
CREATE TABLE IF NOT EXISTS schema_version (
  version       SMALLINT UNSIGNED NOT NULL
                COMMENT 'number of the schema, ascending',
  installed_utc DATETIME(3) NOT NULL
                COMMENT 'when schema.sql first brought this version',
  PRIMARY KEY (version)
) ENGINE=InnoDB
  COMMENT='Versions of this schema. Written by sql/schema.sql, read by mbevd';

-- The billing writes here, in its own transactions, through our triggers. So:
-- no secondary index, no foreign key, never ALTER or TRUNCATE it live, and no
-- change by hand but at READ COMMITTED: at REPEATABLE READ one that finds no
-- row locks the end of the table, and payments wait for its commit.
CREATE TABLE IF NOT EXISTS outbox (
  id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
               COMMENT 'an order to delete by, never an identity',
  captured_utc DATETIME(3) NOT NULL
               COMMENT 'start of the billing statement that fired the trigger',
  kind         VARCHAR(16) CHARACTER SET ascii NOT NULL
               COMMENT 'event kind; or the number of a payment type, see payment_kind; left, moved: a row left a table of subscribers',
  body         MEDIUMTEXT NOT NULL
               COMMENT 'the changed row, one JSON object made by mbev_json()',
  PRIMARY KEY (id)
) ENGINE=InnoDB
  COMMENT='What the triggers captured. Inserted by the triggers, emptied by mbevd';

-- What happened, once each. Removed when all that was to be done about it is
-- finished and [service] keep is over.
CREATE TABLE IF NOT EXISTS event (
  id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  kind         VARCHAR(16) CHARACTER SET ascii NOT NULL
               COMMENT 'payment, refund, credit, tariff_change...',
  uid          BIGINT UNSIGNED NOT NULL
               COMMENT 'subscriber, users.uid; 0 when the body has none',
  source_key   VARCHAR(120) CHARACTER SET ascii NULL
               COMMENT 'kind, table, row id, uid, date and sum of the inserted billing row; NULL for changes of users',
  captured_utc DATETIME(3) NOT NULL
               COMMENT 'copied from the outbox',
  ingested_utc DATETIME(3) NOT NULL
               COMMENT 'when mbevd took it over',
  problem      VARCHAR(255) NULL
               COMMENT 'why the body could not be understood; NULL when it was',
  body         MEDIUMTEXT NOT NULL
               COMMENT 'the changed row as JSON, copied from the outbox',
  PRIMARY KEY (id),
  UNIQUE KEY source (source_key),
  KEY subscriber (uid, id)
) ENGINE=InnoDB
  COMMENT='Captured changes. Written and read by mbevd, read by mbevctl';

-- What is to be done about an event: one row for each action and receiver.
CREATE TABLE IF NOT EXISTS delivery (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  event_id      BIGINT UNSIGNED NOT NULL
                COMMENT 'event.id',
  action        VARCHAR(16) CHARACTER SET ascii NOT NULL
                COMMENT 'sms, social, receipt, bonus_topup, bonus_loyalty, discount_remove, session_reset, exec, webhook, kafka',
  receiver      TINYINT UNSIGNED NOT NULL DEFAULT 0
                COMMENT 'which of several receivers, from 0',
  state         ENUM('ready','leased','calling','done','retry','doubtful',
                     'dead','expired','skipped','cancelled','held','dry')
                NOT NULL
                COMMENT 'see docs/architecture.md for the transitions',
  lane          VARCHAR(16) CHARACTER SET ascii NOT NULL DEFAULT 'smspilot'
                COMMENT 'where it waits: decide (not decided yet) or a provider',
  route         VARCHAR(64) CHARACTER SET ascii NULL
                COMMENT 'channels that are left to try, in order: smspilot,smsc',
  notice        VARCHAR(16) CHARACTER SET ascii NULL
                COMMENT 'section of mbevd.ini whose quiet hours it keeps',
  due_utc       DATETIME(3) NOT NULL
                COMMENT 'not to be tried before',
  expires_utc   DATETIME(3) NULL
                COMMENT 'of no use after; NULL = never expires',
  plan_utc      DATETIME(3) NULL
                COMMENT 'the provider is to deliver it then; NULL = at once',
  epoch         BIGINT UNSIGNED NOT NULL DEFAULT 0
                COMMENT 'owner.epoch under which it was last claimed',
  claims        TINYINT UNSIGNED NOT NULL DEFAULT 0
                COMMENT 'claims without a recorded result',
  attempts      SMALLINT UNSIGNED NOT NULL DEFAULT 0
                COMMENT 'calls to the provider that count',
  ask           BOOLEAN NOT NULL DEFAULT FALSE
                COMMENT 'a reply was lost: ask the provider before sending; of a receipt: an earlier try may have been accepted',
  address       VARCHAR(64) NULL
                COMMENT 'to whom: phone number or e-mail as the provider gets it; of a session reset the login',
  payload       MEDIUMTEXT NULL
                COMMENT 'what is sent: the text of the message; of a receipt every byte of the request; of a session reset and of a program the order as JSON',
  provider      VARCHAR(16) CHARACTER SET ascii NULL
                COMMENT 'which provider was asked last',
  provider_id   VARCHAR(64) CHARACTER SET ascii NULL
                COMMENT 'the provider''s number for it',
  error_class   VARCHAR(16) CHARACTER SET ascii NULL
                COMMENT 'transient, permanent, configuration or unknown',
  error_code    VARCHAR(32) CHARACTER SET ascii NULL
                COMMENT 'the provider''s error code, or the transport''s',
  reason        VARCHAR(255) NULL
                COMMENT 'why it is in this state, in words',
  log_id        BIGINT UNSIGNED NULL
                COMMENT 'its row in the log of the billing: sms_logs.sms_id; of a receipt id in receipts_log',
  changed_utc   DATETIME(3) NOT NULL
                COMMENT 'last change of state',
  dry           BOOLEAN NOT NULL DEFAULT FALSE
                COMMENT 'captured in a dry run: decided, never done',
  part          TINYINT UNSIGNED NOT NULL DEFAULT 0
                COMMENT 'event.uid % 32: see owner.parts',
  PRIMARY KEY (id),
  UNIQUE KEY once (event_id, action, receiver),
  KEY waiting (state, lane, due_utc)
) ENGINE=InnoDB
  COMMENT='Work and its result. Written by mbevd, read by mbevctl';

-- What version 2 added to the tables of version 1. The billing never touches
-- this one.
SET @mbev_text = IF(
  (SELECT COUNT(*) FROM information_schema.columns
   WHERE table_schema = 'mikbill_events' AND table_name = 'delivery'
     AND column_name = 'notice') = 1,
  'DO 0',
  'ALTER TABLE delivery
     ADD COLUMN lane VARCHAR(16) CHARACTER SET ascii NOT NULL
       DEFAULT ''smspilot''
       COMMENT ''where it waits: decide (not decided yet) or a provider''
       AFTER state,
     ADD COLUMN route VARCHAR(64) CHARACTER SET ascii NULL
       COMMENT ''channels that are left to try, in order: smspilot,smsc''
       AFTER lane,
     ADD COLUMN notice VARCHAR(16) CHARACTER SET ascii NULL
       COMMENT ''section of mbevd.ini whose quiet hours it keeps''
       AFTER route,
     ADD COLUMN plan_utc DATETIME(3) NULL
       COMMENT ''the provider is to deliver it then; NULL = at once''
       AFTER expires_utc,
     ADD COLUMN ask BOOLEAN NOT NULL DEFAULT FALSE
       COMMENT ''a reply was lost: ask the provider before sending''
       AFTER attempts,
     DROP KEY due,
     ADD KEY waiting (state, lane, due_utc)');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;
DEALLOCATE PREPARE mbev_step;

-- What version 3 renamed, and what some columns hold since then.
SET @mbev_text = IF(
  (SELECT COUNT(*) FROM information_schema.columns
   WHERE table_schema = 'mikbill_events' AND table_name = 'delivery'
     AND column_name = 'log_id') = 1,
  'DO 0',
  'ALTER TABLE delivery
     CHANGE COLUMN sms_log_id log_id BIGINT UNSIGNED NULL
       COMMENT ''its row in the log of the billing: sms_logs.sms_id; of a receipt id in receipts_log'',
     MODIFY COLUMN action VARCHAR(16) CHARACTER SET ascii NOT NULL
       COMMENT ''sms, social, receipt, bonus_topup, bonus_loyalty, discount_remove'',
     MODIFY COLUMN ask BOOLEAN NOT NULL DEFAULT FALSE
       COMMENT ''a reply was lost: ask the provider before sending; of a receipt: an earlier try may have been accepted'',
     MODIFY COLUMN address VARCHAR(64) NULL
       COMMENT ''to whom: phone number or e-mail as the provider gets it'',
     MODIFY COLUMN payload MEDIUMTEXT NULL
       COMMENT ''what is sent: the text of the message; of a receipt every byte of the request''');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;
DEALLOCATE PREPARE mbev_step;

-- What some columns hold since version 4.
SET @mbev_text = IF(
  (SELECT COUNT(*) FROM information_schema.columns
   WHERE table_schema = 'mikbill_events' AND table_name = 'delivery'
     AND column_name = 'action'
     AND column_comment LIKE '%session_reset%') = 1,
  'DO 0',
  'ALTER TABLE delivery
     MODIFY COLUMN action VARCHAR(16) CHARACTER SET ascii NOT NULL
       COMMENT ''sms, social, receipt, bonus_topup, bonus_loyalty, discount_remove, session_reset'',
     MODIFY COLUMN address VARCHAR(64) NULL
       COMMENT ''to whom: phone number or e-mail as the provider gets it; of a session reset the login'',
     MODIFY COLUMN payload MEDIUMTEXT NULL
       COMMENT ''what is sent: the text of the message; of a receipt every byte of the request; of a session reset the order as JSON''');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;
DEALLOCATE PREPARE mbev_step;

SET @mbev_text = IF(
  (SELECT COUNT(*) FROM information_schema.tables
   WHERE table_schema = 'mikbill_events' AND table_name = 'owner') = 0
  OR (SELECT COUNT(*) FROM information_schema.columns
   WHERE table_schema = 'mikbill_events' AND table_name = 'owner'
     AND column_name = 'inherited_id') = 1,
  'DO 0',
  'ALTER TABLE owner
     ADD COLUMN inherited_id BIGINT UNSIGNED NOT NULL DEFAULT 0
       COMMENT ''deliveries up to this one may have been begun by another holder''
       AFTER lease_until_utc');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;
DEALLOCATE PREPARE mbev_step;

-- What version 5 added: messages, too, may have been begun by another holder.
SET @mbev_text = IF(
  (SELECT COUNT(*) FROM information_schema.tables
   WHERE table_schema = 'mikbill_events' AND table_name = 'owner') = 0
  OR (SELECT COUNT(*) FROM information_schema.columns
   WHERE table_schema = 'mikbill_events' AND table_name = 'owner'
     AND column_name = 'inherited_epoch') = 1,
  'DO 0',
  'ALTER TABLE owner
     ADD COLUMN inherited_utc DATETIME(3) NOT NULL DEFAULT ''2000-01-01''
       COMMENT ''start of the server at that time: of what was captured before, it may have forgotten attempts''
       AFTER inherited_id,
     ADD COLUMN inherited_epoch BIGINT UNSIGNED NOT NULL DEFAULT 0
       COMMENT ''first epoch of this holder: what was claimed since, was claimed by it''
       AFTER inherited_utc');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;
DEALLOCATE PREPARE mbev_step;

-- What version 6 added: what the operator holds back.
SET @mbev_text = IF(
  (SELECT COUNT(*) FROM information_schema.columns
   WHERE table_schema = 'mikbill_events' AND table_name = 'delivery'
     AND column_name = 'state' AND column_type LIKE '%''held''%') = 1,
  'DO 0',
  'ALTER TABLE delivery
     MODIFY COLUMN state
       ENUM(''ready'',''leased'',''calling'',''done'',''retry'',''doubtful'',
            ''dead'',''expired'',''skipped'',''cancelled'',''held'') NOT NULL
       COMMENT ''see docs/architecture.md for the transitions''');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;
DEALLOCATE PREPARE mbev_step;

-- What version 7 added: dry runs.
SET @mbev_text = IF(
  (SELECT COUNT(*) FROM information_schema.columns
   WHERE table_schema = 'mikbill_events' AND table_name = 'delivery'
     AND column_name = 'dry') = 1,
  'DO 0',
  'ALTER TABLE delivery
     MODIFY COLUMN state
       ENUM(''ready'',''leased'',''calling'',''done'',''retry'',''doubtful'',
            ''dead'',''expired'',''skipped'',''cancelled'',''held'',''dry'')
       NOT NULL
       COMMENT ''see docs/architecture.md for the transitions'',
     MODIFY COLUMN action VARCHAR(16) CHARACTER SET ascii NOT NULL
       COMMENT ''sms, social, receipt, bonus_topup, bonus_loyalty, discount_remove, session_reset, exec, webhook, kafka'',
     MODIFY COLUMN payload MEDIUMTEXT NULL
       COMMENT ''what is sent: the text of the message; of a receipt every byte of the request; of a session reset and of a program the order as JSON'',
     ADD COLUMN dry BOOLEAN NOT NULL DEFAULT FALSE
       COMMENT ''captured in a dry run: decided, never done''
       AFTER changed_utc');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;
DEALLOCATE PREPARE mbev_step;

-- What version 8 added: several services that share the work.
SET @mbev_text = IF(
  (SELECT COUNT(*) FROM information_schema.columns
   WHERE table_schema = 'mikbill_events' AND table_name = 'delivery'
     AND column_name = 'part') = 1,
  'DO 0',
  'ALTER TABLE delivery
     ADD COLUMN part TINYINT UNSIGNED NOT NULL DEFAULT 0
       COMMENT ''event.uid % 32: see owner.parts''
       AFTER dry');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;
DEALLOCATE PREPARE mbev_step;

UPDATE delivery AS d JOIN event AS e ON e.id = d.event_id
SET d.part = e.uid % 32
WHERE d.state IN ('ready', 'calling', 'retry', 'doubtful', 'dead', 'held')
  AND NOT EXISTS (SELECT 1 FROM schema_version AS v WHERE v.version >= 8);

SET @mbev_text = IF(
  (SELECT COUNT(*) FROM information_schema.tables
   WHERE table_schema = 'mikbill_events' AND table_name = 'owner') = 0
  OR (SELECT COUNT(*) FROM information_schema.columns
   WHERE table_schema = 'mikbill_events' AND table_name = 'owner'
     AND column_name = 'parts') = 1,
  'DO 0',
  'ALTER TABLE owner
     ADD COLUMN parts INT UNSIGNED NOT NULL DEFAULT 4294967295
       COMMENT ''bit n: it works for subscribers with uid % 32 = n''
       AFTER inherited_epoch,
     MODIFY COLUMN name VARCHAR(16) CHARACTER SET ascii NOT NULL
       COMMENT ''main; beside-1, beside-2... of services that act beside it''');
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;
DEALLOCATE PREPARE mbev_step;

-- Fiscal receipts, one row for each number that was taken. The row of a number
-- never changes what it says of the receipt, and is never deleted: a receipt
-- that is made again gets another number, and a row of its own. The number and
-- the bytes of the request (delivery.payload) are committed before the first
-- call.
CREATE TABLE IF NOT EXISTS receipt (
  id             BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
                 COMMENT 'in the order in which the numbers were taken',
  event_id       BIGINT UNSIGNED NOT NULL
                 COMMENT 'event.id of the payment or refund',
  uid            BIGINT UNSIGNED NOT NULL
                 COMMENT 'subscriber: receipts of one are sent in order',
  number         VARCHAR(128) CHARACTER SET ascii NOT NULL
                 COMMENT 'our number, external_id at komtet, int_id in the log',
  log_table      VARCHAR(64) CHARACTER SET ascii NOT NULL
                 COMMENT 'table of the billing that lists the numbers',
  log_id         BIGINT UNSIGNED NOT NULL
                 COMMENT 'id in that table',
  back           BOOLEAN NOT NULL
                 COMMENT 'money given back (sellReturn)',
  kopecks        BIGINT UNSIGNED NOT NULL
                 COMMENT 'amount, above zero, also of money given back',
  contact        VARCHAR(128) NOT NULL
                 COMMENT 'phone number or e-mail on the receipt',
  stage          ENUM('new','accepted','done','failed','refused','doubtful',
                      'burnt','replaced','closed') NOT NULL DEFAULT 'new'
                 COMMENT 'see docs/architecture.md for what each means',
  task_id        VARCHAR(64) CHARACTER SET ascii NULL
                 COMMENT 'id of the task at komtet; NULL = not known',
  task_state     VARCHAR(32) NULL
                 COMMENT 'word of komtet for how far it is',
  error          VARCHAR(255) NULL
                 COMMENT 'what went wrong last, in words',
  day            DATE NOT NULL
                 COMMENT 'day of the number by the clock of the billing',
  created_utc    DATETIME(3) NOT NULL
                 COMMENT 'when the number was taken',
  accepted_utc   DATETIME(3) NULL
                 COMMENT 'when komtet had it for certain',
  ended_utc      DATETIME(3) NULL
                 COMMENT 'when it came to its end: done, failed, closed...',
  look_utc       DATETIME(3) NULL
                 COMMENT 'when to ask next what became of it; NULL = not to be asked',
  looks          SMALLINT UNSIGNED NOT NULL DEFAULT 0
                 COMMENT 'how often it was asked',
  fiscal_i       VARCHAR(64) NULL COMMENT 'number of the fiscal document',
  fiscal_fn      VARCHAR(64) NULL COMMENT 'number of the fiscal drive',
  fiscal_t       VARCHAR(64) NULL COMMENT 'time at the till, YYYYMMDDTHHMM',
  fiscal_n       VARCHAR(64) NULL COMMENT 'kind: 1 sell, 2 sell return',
  fiscal_fp      VARCHAR(64) NULL COMMENT 'fiscal sign',
  fiscal_rn      VARCHAR(64) NULL COMMENT 'number of the register',
  fiscal_sh      VARCHAR(64) NULL COMMENT 'shift',
  fiscal_shn     VARCHAR(64) NULL COMMENT 'number within the shift',
  fiscal_kopecks BIGINT NULL COMMENT 'sum as the till has it',
  link           VARCHAR(511) NULL COMMENT 'address of the receipt for people',
  PRIMARY KEY (id),
  KEY of_event (event_id),
  KEY in_order (uid, stage),
  KEY to_look (stage, look_utc),
  KEY waiting (stage, created_utc),
  KEY by_number (number),
  KEY by_task (task_id),
  KEY by_day (day)
) ENGINE=InnoDB
  COMMENT='Fiscal receipts and what became of them. Written by mbevd and mbevctl';

-- What komtet says of the queue of tills that receipts go to.
CREATE TABLE IF NOT EXISTS till (
  queue       VARCHAR(64) CHARACTER SET ascii NOT NULL
              COMMENT 'queue of [komtet]',
  active      BOOLEAN NOT NULL
              COMMENT 'false: switched off in the cabinet, receipts wait there',
  changed_utc DATETIME(3) NOT NULL
              COMMENT 'since when',
  checked_utc DATETIME(3) NOT NULL
              COMMENT 'when it was asked last',
  PRIMARY KEY (queue)
) ENGINE=InnoDB
  COMMENT='State of the tills. Written by mbevd';

-- The routers of the billing on which sessions are ended, as mbevd found them:
-- one that was never tried has no row. No password is here.
CREATE TABLE IF NOT EXISTS router (
  nas_id      INT UNSIGNED NOT NULL
              COMMENT 'radnas.id',
  address     VARCHAR(64) NOT NULL
              COMMENT 'radnas.nasname',
  transport   VARCHAR(16) CHARACTER SET ascii NOT NULL
              COMMENT 'how it was tried last: ssh, api, api-tls or radius',
  state       ENUM('ok','held') NOT NULL
              COMMENT 'held: left alone until then, because it could not be reached or refused us',
  since_utc   DATETIME(3) NOT NULL
              COMMENT 'in this state since',
  until_utc   DATETIME(3) NULL
              COMMENT 'held until; NULL = not held',
  ended       BIGINT UNSIGNED NOT NULL DEFAULT 0
              COMMENT 'sessions ended on it, in all',
  reason      VARCHAR(255) NULL
              COMMENT 'why it is held, in words',
  cure        VARCHAR(512) NULL
              COMMENT 'what can be done about it',
  changed_utc DATETIME(3) NOT NULL
              COMMENT 'last change of this row',
  PRIMARY KEY (nas_id)
) ENGINE=InnoDB
  COMMENT='State of the routers. Written by mbevd, read by mbevctl';

-- How far a table of the billing had come, hour by hour. Reconciliation looks
-- from the last one before its window on. And what it last saw of other things;
-- the one of 'triggers' is of triggers.sql, when it has made all of them.
CREATE TABLE IF NOT EXISTS milestone (
  source VARCHAR(32) CHARACTER SET ascii NOT NULL
         COMMENT 'bugh_plategi_stat or bugh_uslugi_stat; trigger:TABLE: was well; library: was missing; payment_kind: its meaning',
  at_utc DATETIME(3) NOT NULL,
  row_id BIGINT UNSIGNED NOT NULL
         COMMENT 'highest key of the table at that time; of payment_kind a fingerprint; else 0',
  PRIMARY KEY (source, at_utc)
) ENGINE=InnoDB
  COMMENT='Where reconciliation begins. Written and read by mbevd';

-- Where the memory of events ends: what lies there or below is never captured
-- again.
CREATE TABLE IF NOT EXISTS forgotten (
  source VARCHAR(32) CHARACTER SET ascii NOT NULL
         COMMENT 'table of the billing: bugh_plategi_stat or bugh_uslugi_stat',
  row_id BIGINT UNSIGNED NOT NULL
         COMMENT 'highest key whose event was removed after its time',
  PRIMARY KEY (source)
) ENGINE=InnoDB
  COMMENT='Horizon of retention. Written by mbevd, read by mbevd and mbevctl';

-- What the triggers did not capture, as far as it can be known.
CREATE TABLE IF NOT EXISTS gap (
  id        BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  source    VARCHAR(32) CHARACTER SET ascii NOT NULL
            COMMENT 'table of the billing',
  row_id    BIGINT UNSIGNED NULL
            COMMENT 'key of a row that was captured late; NULL = changes that nobody can list any more',
  uid       BIGINT UNSIGNED NOT NULL DEFAULT 0
            COMMENT 'subscriber of that row',
  kind      VARCHAR(16) CHARACTER SET ascii NULL
            COMMENT 'event kind of that row',
  from_utc  DATETIME(3) NOT NULL
            COMMENT 'date of that row; or since when changes may have been missed',
  until_utc DATETIME(3) NULL
            COMMENT 'when it was captured; or until when changes may have been missed, NULL = still',
  reason    VARCHAR(255) NOT NULL
            COMMENT 'what was found, in words',
  PRIMARY KEY (id),
  KEY open (until_utc, source)
) ENGINE=InnoDB
  COMMENT='Gaps in the capture. Written by mbevd, read by mbevctl';

-- Lanes in which nothing is begun, because the operator said so.
CREATE TABLE IF NOT EXISTS pause (
  lane      VARCHAR(16) CHARACTER SET ascii NOT NULL
            COMMENT 'as delivery.lane',
  since_utc DATETIME(3) NOT NULL
            COMMENT 'since when',
  who       VARCHAR(255) NOT NULL
            COMMENT 'user and host of the operator',
  reason    VARCHAR(255) NULL
            COMMENT 'what the operator gave as the reason',
  PRIMARY KEY (lane)
) ENGINE=InnoDB
  COMMENT='Paused lanes. Written by mbevctl, read by mbevd';

-- What was changed by hand, and by whom. Never removed.
CREATE TABLE IF NOT EXISTS audit (
  id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  at_utc      DATETIME(3) NOT NULL
              COMMENT 'when',
  who         VARCHAR(255) NOT NULL
              COMMENT 'user and host of the operator',
  verb        VARCHAR(16) CHARACTER SET ascii NOT NULL
              COMMENT 'verb of mbevctl',
  event_id    BIGINT UNSIGNED NULL
              COMMENT 'event.id of the delivery; NULL = not one delivery',
  delivery_id BIGINT UNSIGNED NULL
              COMMENT 'delivery.id that was changed; NULL = not one delivery',
  was         VARCHAR(16) CHARACTER SET ascii NULL
              COMMENT 'state of the delivery before',
  words       VARCHAR(255) NULL
              COMMENT 'what was asked for, and the reason that was given',
  PRIMARY KEY (id),
  KEY of_event (event_id)
) ENGINE=InnoDB
  COMMENT='What operators did. Written and read by mbevctl';

-- What went through, five minutes at a time.
CREATE TABLE IF NOT EXISTS pulse (
  slot_utc DATETIME NOT NULL
           COMMENT 'start of the five minutes',
  name     VARCHAR(16) CHARACTER SET ascii NOT NULL
           COMMENT 'events: what was captured; else a lane, as delivery.lane',
  good     INT UNSIGNED NOT NULL DEFAULT 0
           COMMENT 'events captured; deliveries done',
  again    INT UNSIGNED NOT NULL DEFAULT 0
           COMMENT 'attempts that failed and are repeated',
  bad      INT UNSIGNED NOT NULL DEFAULT 0
           COMMENT 'events not understood; deliveries dead, doubtful or expired',
  PRIMARY KEY (slot_utc, name)
) ENGINE=InnoDB
  COMMENT='Counts of the last days. Written by mbevd, read by its status page';

-- Which rows of addons_pay_api are known to have become which payment.
CREATE TABLE IF NOT EXISTS api_credit (
  record_id BIGINT UNSIGNED NOT NULL
            COMMENT 'addons_pay_api.record_id',
  event_id  BIGINT UNSIGNED NOT NULL
            COMMENT 'event.id of the payment of type 62 that it became',
  PRIMARY KEY (record_id)
) ENGINE=InnoDB
  COMMENT='Credited bonuses and their payments. Written and read by mbevd';

-- Who may act. The row is locked only by services, never by the billing.
CREATE TABLE IF NOT EXISTS owner (
  name            VARCHAR(16) CHARACTER SET ascii NOT NULL
                  COMMENT 'main; beside-1, beside-2... of services that act beside it',
  epoch           BIGINT UNSIGNED NOT NULL
                  COMMENT 'fence: raised by each takeover',
  holder          VARCHAR(255) NOT NULL
                  COMMENT 'host and doorbell of the service that holds it',
  lease_until_utc DATETIME(3) NOT NULL
                  COMMENT 'after this another service may take over',
  inherited_id    BIGINT UNSIGNED NOT NULL DEFAULT 0
                  COMMENT 'deliveries up to this one may have been begun by another holder',
  inherited_utc   DATETIME(3) NOT NULL DEFAULT '2000-01-01'
                  COMMENT 'start of the server at that time: of what was captured before, it may have forgotten attempts',
  inherited_epoch BIGINT UNSIGNED NOT NULL DEFAULT 0
                  COMMENT 'first epoch of this holder: what was claimed since, was claimed by it',
  parts           INT UNSIGNED NOT NULL DEFAULT 4294967295
                  COMMENT 'bit n: it works for subscribers with uid % 32 = n',
  PRIMARY KEY (name)
) ENGINE=InnoDB
  COMMENT='Lease of the acting service. Written by mbevd';

INSERT IGNORE INTO owner (name, epoch, holder, lease_until_utc)
VALUES ('main', 0, '', '2000-01-01');

-- What a payment type means. Read by mbevd with every payment row.
CREATE TABLE IF NOT EXISTS payment_kind (
  bughtypeid SMALLINT UNSIGNED NOT NULL
             COMMENT 'bugh_plategi_stat.bughtypeid',
  kind       ENUM('ignore','payment','refund','credit_limit','api') NOT NULL
             COMMENT 'api = api_payment or api_refund, by the sign of the sum',
  origin     ENUM('default','billing','operator') NOT NULL DEFAULT 'operator'
             COMMENT 'default = ours, billing = from bugh_plategi_type at installation, operator = set by hand',
  comment    VARCHAR(255) NOT NULL DEFAULT ''
             COMMENT 'name of the type',
  PRIMARY KEY (bughtypeid)
) ENGINE=InnoDB
  COMMENT='Meaning of payment types. Filled by sql/triggers.sql, changed by the DBA; types not listed follow bugh_plategi_type.deposit_action';

-- Which billing is captured, and from where on.
CREATE TABLE IF NOT EXISTS installation (
  billing        VARCHAR(64) NOT NULL
                 COMMENT 'name of the billing database',
  generation     ENUM('legacy','modern') NOT NULL
                 COMMENT 'modern = users.state exists',
  first_plategid BIGINT UNSIGNED NOT NULL
                 COMMENT 'highest bugh_plategi_stat.plategid before the triggers',
  first_uslid    BIGINT UNSIGNED NOT NULL
                 COMMENT 'highest bugh_uslugi_stat.uslid before the triggers',
  installed_utc  DATETIME(3) NOT NULL
                 COMMENT 'when triggers.sql ran first',
  PRIMARY KEY (billing)
) ENGINE=InnoDB
  COMMENT='The captured billing, one row. Written by sql/triggers.sql';

-- Captured changes with the names that outbox readers know, in the order in
-- which they were taken over. For who asks by SQL: whoever follows the binary
-- log, as Debezium does, sees tables only; docs/events.md says how it is told
-- to read table event.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW debezium_outbox AS
SELECT id,
       'subscriber'       AS aggregatetype,
       CAST(uid AS CHAR)  AS aggregateid,
       kind               AS type,
       body               AS payload,
       captured_utc       AS `timestamp`
FROM event
WHERE problem IS NULL;

-- The tables are all there: also under mysql --force.
INSERT IGNORE INTO schema_version (version, installed_utc)
SELECT 8, UTC_TIMESTAMP(3) FROM information_schema.tables
WHERE table_schema = 'mikbill_events' AND table_name = 'pulse'
  AND (SELECT COUNT(*) FROM information_schema.columns
       WHERE table_schema = 'mikbill_events'
         AND (table_name = 'delivery' AND column_name = 'log_id'
              OR table_name = 'owner' AND column_name = 'inherited_id'
              OR table_name = 'owner' AND column_name = 'inherited_epoch'
              OR table_name = 'delivery' AND column_name = 'part'
              OR table_name = 'owner' AND column_name = 'parts'
              OR table_name = 'delivery' AND column_name = 'action'
                 AND column_comment LIKE '%session_reset%')) = 6;

-- 3. What the other files call. All of it runs with the rights of the caller
--    and changes nothing, except create_account, grant_if_table and
--    grant_columns.

DELIMITER //

-- refuse(reason): ends the calling script with the reason as its error.
-- Old servers hold 128 characters.
DROP PROCEDURE IF EXISTS refuse //
CREATE PROCEDURE refuse (IN reason TEXT)
  NO SQL SQL SECURITY INVOKER
  COMMENT 'ends the calling script with the reason as its error'
BEGIN
  SET reason = LEFT(reason, 128);
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = reason;
END //

-- server_variable(name, value): a global variable of the server, NULL when
-- this server has none of that name.
DROP PROCEDURE IF EXISTS server_variable //
CREATE PROCEDURE server_variable (IN name VARCHAR(64), OUT value TEXT)
  READS SQL DATA SQL SECURITY INVOKER
  COMMENT 'a global variable, NULL when this server does not know it'
BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
  SET @mbev_value = NULL;
  SET @mbev_text = CONCAT('SELECT @@GLOBAL.', name, ' INTO @mbev_value');
  PREPARE mbev_step FROM @mbev_text;
  EXECUTE mbev_step;
  DEALLOCATE PREPARE mbev_step;
  SET value = @mbev_value;
END //

-- account_name(user_and_host): the form that information_schema uses,
-- 'user'@'host', of the form that CURRENT_USER() gives.
DROP FUNCTION IF EXISTS account_name //
CREATE FUNCTION account_name (user_and_host VARCHAR(300))
  RETURNS VARCHAR(310) DETERMINISTIC NO SQL SQL SECURITY INVOKER
  COMMENT 'quoted as in information_schema'
BEGIN
  DECLARE host VARCHAR(300) DEFAULT SUBSTRING_INDEX(user_and_host, '@', -1);
  RETURN CONCAT('\'', LEFT(user_and_host, CHAR_LENGTH(user_and_host)
                                          - CHAR_LENGTH(host) - 1),
                '\'@\'', host, '\'');
END //

-- may(account, schema, table, privilege): whether the account was granted the
-- privilege itself, on the table, its schema or everything. What it has by a
-- role is not seen, nor what belongs to accounts that the caller cannot see.
-- Reads: information_schema.
DROP FUNCTION IF EXISTS may //
CREATE FUNCTION may (account VARCHAR(310), in_schema VARCHAR(64),
                     on_table VARCHAR(64), wanted VARCHAR(64))
  RETURNS BOOLEAN READS SQL DATA SQL SECURITY INVOKER
  COMMENT 'whether the account was granted the privilege directly'
BEGIN
  RETURN EXISTS (
      SELECT 1 FROM information_schema.user_privileges
      WHERE grantee = account AND privilege_type = wanted)
    OR EXISTS (
      SELECT 1 FROM information_schema.schema_privileges
      WHERE grantee = account AND privilege_type = wanted
        AND in_schema LIKE table_schema)
    OR EXISTS (
      SELECT 1 FROM information_schema.table_privileges
      WHERE grantee = account AND privilege_type = wanted
        AND table_schema = in_schema AND table_name = on_table);
END //

-- create_account(user, locked): one of our accounts at localhost, when it is
-- not there. It gets no password that could be used: what it is identified by
-- is the hash of none. Locked: nor can it be given one, where the server knows
-- locked accounts (MySQL 5.6 does not).
-- Reads: information_schema. Writes: the accounts.
DROP PROCEDURE IF EXISTS create_account //
CREATE PROCEDURE create_account (IN account_user VARCHAR(32), IN locked BOOLEAN)
  MODIFIES SQL DATA SQL SECURITY INVOKER
  COMMENT 'creates an account of ours that is not there'
BEGIN
  DECLARE account VARCHAR(64) DEFAULT CONCAT(QUOTE(account_user),
                                             '@\'localhost\'');
  DECLARE no_password VARCHAR(80) DEFAULT COALESCE(
    /*M! 'VIA mysql_native_password USING \'invalid\'', */
    /*!50706 'WITH mysql_native_password
              AS \'*THISISNOTAVALIDPASSWORDTHATCANBEUSEDHERE\'', */
    'BY PASSWORD \'*0000000000000000000000000000000000000000\'');
  DECLARE lock_it VARCHAR(16) DEFAULT
    CONCAT('' /*M! , ' ACCOUNT LOCK' */ /*!50706 , ' ACCOUNT LOCK' */);

  IF NOT EXISTS (SELECT 1 FROM information_schema.user_privileges
                 WHERE grantee = account) THEN
    SET @mbev_text = CONCAT('CREATE USER ', account, ' IDENTIFIED ',
                            no_password, IF(locked, lock_it, ''));
    PREPARE mbev_step FROM @mbev_text;
    EXECUTE mbev_step;
    DEALLOCATE PREPARE mbev_step;
  END IF;
END //

-- grant_if_table(billing, table, privileges, user): GRANT on a table that not
-- every billing has. The user is one of ours, at localhost.
-- Reads: information_schema. Writes: the grants.
DROP PROCEDURE IF EXISTS grant_if_table //
CREATE PROCEDURE grant_if_table (IN billing VARCHAR(64),
                                 IN on_table VARCHAR(64),
                                 IN privilege_list VARCHAR(255),
                                 IN account_user VARCHAR(32))
  MODIFIES SQL DATA SQL SECURITY INVOKER
  COMMENT 'GRANT on a table that not every billing has'
BEGIN
  IF EXISTS (SELECT 1 FROM information_schema.tables
             WHERE table_schema = billing AND table_name = on_table) THEN
    SET @mbev_text = CONCAT(
      'GRANT ', privilege_list, ' ON `', REPLACE(billing, '`', '``'), '`.`',
      on_table, '` TO ', QUOTE(account_user), '@\'localhost\'');
    PREPARE mbev_step FROM @mbev_text;
    EXECUTE mbev_step;
    DEALLOCATE PREPARE mbev_step;
  END IF;
END //

-- grant_columns(billing, table, columns, user): GRANT SELECT on those of the
-- columns (names divided by commas, without blanks) that this billing's table
-- has, when it has the table. The user is one of ours, at localhost.
-- Reads: information_schema. Writes: the grants.
DROP PROCEDURE IF EXISTS grant_columns //
CREATE PROCEDURE grant_columns (IN billing VARCHAR(64),
                                IN on_table VARCHAR(64),
                                IN column_list VARCHAR(255),
                                IN account_user VARCHAR(32))
  MODIFIES SQL DATA SQL SECURITY INVOKER
  COMMENT 'GRANT SELECT on those of the columns that are there'
BEGIN
  DECLARE there TEXT DEFAULT NULL;

  SELECT GROUP_CONCAT(column_name) INTO there
  FROM information_schema.columns
  WHERE table_schema = billing AND table_name = on_table
    AND FIND_IN_SET(column_name, column_list) > 0;
  IF there IS NOT NULL THEN
    CALL grant_if_table(billing, on_table, CONCAT('SELECT (', there, ')'),
                        account_user);
  END IF;
END //

-- billing_check(billing): refuses what is not a MikBill billing.
-- Reads: information_schema.
DROP PROCEDURE IF EXISTS billing_check //
CREATE PROCEDURE billing_check (IN billing VARCHAR(64))
  READS SQL DATA SQL SECURITY INVOKER
  COMMENT 'refuses what is not a MikBill billing'
BEGIN
  DECLARE lacking VARCHAR(130) DEFAULT NULL;
  DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;

  IF billing IS NULL THEN
    CALL refuse(
      'no database selected: name the billing, mysql BILLING < file');
  END IF;

  SELECT CONCAT(need.in_table, '.', need.in_column) INTO lacking
  FROM (SELECT 'bugh_plategi_stat' AS in_table, 'plategid' AS in_column
        UNION ALL SELECT 'bugh_plategi_stat', 'uid'
        UNION ALL SELECT 'bugh_plategi_stat', 'date'
        UNION ALL SELECT 'bugh_plategi_stat', 'who'
        UNION ALL SELECT 'bugh_plategi_stat', 'bughtypeid'
        UNION ALL SELECT 'bugh_plategi_stat', 'before_billing'
        UNION ALL SELECT 'bugh_plategi_stat', 'summa'
        UNION ALL SELECT 'bugh_plategi_stat', 'comment'
        UNION ALL SELECT 'bugh_plategi_type', 'bughtypeid'
        UNION ALL SELECT 'bugh_plategi_type', 'typename'
        UNION ALL SELECT 'bugh_plategi_type', 'deposit_action'
        UNION ALL SELECT 'bugh_uslugi_stat', 'uslid'
        UNION ALL SELECT 'bugh_uslugi_stat', 'uid'
        UNION ALL SELECT 'bugh_uslugi_stat', 'gid'
        UNION ALL SELECT 'bugh_uslugi_stat', 'usluga'
        UNION ALL SELECT 'bugh_uslugi_stat', 'date_start'
        UNION ALL SELECT 'bugh_uslugi_stat', 'summa'
        UNION ALL SELECT 'bugh_uslugi_stat', 'credit'
        UNION ALL SELECT 'bugh_uslugi_stat', 'active'
        UNION ALL SELECT 'bugh_uslugi_stat', 'date_stop'
        UNION ALL SELECT 'users', 'uid'
        UNION ALL SELECT 'users', 'gid'
        UNION ALL SELECT 'users', 'real_ip'
        UNION ALL SELECT 'usersfreeze', 'uid'
        UNION ALL SELECT 'usersfreeze', 'gid'
        UNION ALL SELECT 'usersfreeze', 'real_ip'
        UNION ALL SELECT 'sms_logs', 'sms_id') AS need
  LEFT JOIN information_schema.columns AS has
    ON has.table_schema = billing AND has.table_name = need.in_table
   AND has.column_name = need.in_column
  WHERE has.column_name IS NULL
  LIMIT 1;
  IF lacking IS NOT NULL THEN
    CALL refuse(CONCAT(billing, ' is not a MikBill billing: no ', lacking,
                       '. Name the billing database'));
  END IF;
END //

-- The parts of install_check(billing), in its order.

-- functions_check(): refuses when a function of mbev.so cannot be called.
DROP PROCEDURE IF EXISTS functions_check //
CREATE PROCEDURE functions_check ()
  NO SQL SQL SECURITY INVOKER
  COMMENT 'refuses when a function of mbev.so cannot be called'
BEGIN
  DECLARE lacking VARCHAR(64) DEFAULT '';

  BEGIN
    DECLARE CONTINUE HANDLER FOR SQLEXCEPTION
      SET lacking = CONCAT(lacking, ' mbev_json');
    DO mbev_json();
  END;
  BEGIN
    DECLARE CONTINUE HANDLER FOR SQLEXCEPTION
      SET lacking = CONCAT(lacking, ' mbev_ring');
    DO mbev_ring();
  END;
  BEGIN
    DECLARE CONTINUE HANDLER FOR SQLEXCEPTION
      SET lacking = CONCAT(lacking, ' mbev_version');
    DO mbev_version();
  END;
  IF lacking <> '' THEN
    CALL refuse(CONCAT('functions missing:', lacking,
                       '. Put mbev.so into plugin_dir, run schema.sql'));
  END IF;
END //

-- server_check(billing): refuses settings of the server under which a trigger
-- of ours could make a statement of the billing fail or wait.
-- Reads: global variables, information_schema.
DROP PROCEDURE IF EXISTS server_check //
CREATE PROCEDURE server_check (IN billing VARCHAR(64))
  READS SQL DATA SQL SECURITY INVOKER
  COMMENT 'refuses settings under which our triggers could do harm'
BEGIN
  DECLARE value TEXT;
  DECLARE name VARCHAR(130) DEFAULT NULL;
  DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;

  -- A whole statement would hold the counter of outbox to its end.
  CALL server_variable('innodb_autoinc_lock_mode', value);
  IF value = '0' THEN
    CALL refuse(
      'innodb_autoinc_lock_mode=0: set 1 or 2 and restart the server');
  END IF;

  -- 1785 when the statement is opened: no handler sees it.
  CALL server_variable('enforce_gtid_consistency', value);
  IF value IN ('ON', 'WARN', '1', '2') THEN
    SELECT table_name INTO name FROM information_schema.tables
    WHERE table_schema = billing AND table_type = 'BASE TABLE'
      AND table_name IN ('bugh_plategi_stat', 'bugh_uslugi_stat', 'users',
                         'usersfreeze', 'usersblok', 'usersdel')
      AND engine NOT IN (SELECT engine FROM information_schema.engines
                         WHERE transactions = 'YES')
    LIMIT 1;
    IF name IS NOT NULL THEN
      CALL refuse(CONCAT('enforce_gtid_consistency, and ', name,
                         ' has no transactions: ALTER it to InnoDB'));
    END IF;
  END IF;

  CALL server_variable('log_bin', value);
  IF value IN ('1', 'ON') THEN
    CALL binlog_check();
  END IF;
END //

-- binlog_check(): server_check for a server with a binary log.
-- STATEMENT: 1665 and 1592 for the billing, and triggers run on replicas too.
-- MIXED: look-ups in triggers lock; our trigger reads with SKIP LOCKED there,
-- which is written for MariaDB since 10.6.
-- Reads: global variables, information_schema.
DROP PROCEDURE IF EXISTS binlog_check //
CREATE PROCEDURE binlog_check ()
  READS SQL DATA SQL SECURITY INVOKER
  COMMENT 'refuses logging under which our triggers could do harm'
BEGIN
  DECLARE value TEXT;
  DECLARE me VARCHAR(310) DEFAULT account_name(CURRENT_USER());
  DECLARE skips_locked BOOLEAN DEFAULT FALSE /*M!100600 OR TRUE */;

  CALL server_variable('binlog_format', value);
  IF value = 'STATEMENT' THEN
    CALL refuse('binlog_format=STATEMENT: set it to ROW or MIXED');
  END IF;
  IF value = 'MIXED' AND NOT skips_locked THEN
    CALL refuse('binlog_format=MIXED makes look-ups lock here: set it to ROW');
  END IF;
  CALL server_variable('log_bin_trust_function_creators', value);
  IF value IN ('0', 'OFF') AND NOT may(me, '', '', 'SUPER')
     AND NOT may(me, '', '', 'BINLOG ADMIN') THEN
    CALL refuse(
      'no SUPER, and log_bin_trust_function_creators=0: run as root');
  END IF;
END //

-- rights_check(billing): refuses when the caller could not create the
-- triggers, or when their definer could not run them: then every payment
-- would fail with 1449 or 1142, and no handler helps.
-- Reads: information_schema.
DROP PROCEDURE IF EXISTS rights_check //
CREATE PROCEDURE rights_check (IN billing VARCHAR(64))
  READS SQL DATA SQL SECURITY INVOKER
  COMMENT 'refuses when caller or definer lack a privilege'
BEGIN
  DECLARE me VARCHAR(310) DEFAULT account_name(CURRENT_USER());
  DECLARE definer VARCHAR(64) DEFAULT '\'mbev_trigger\'@\'localhost\'';
  DECLARE lacking VARCHAR(130) DEFAULT NULL;
  DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;

  SELECT CONCAT('TRIGGER on ', need.on_table) INTO lacking
  FROM (SELECT 'bugh_plategi_stat' AS on_table
        UNION ALL SELECT 'bugh_uslugi_stat'
        UNION ALL SELECT 'users'
        UNION ALL SELECT 'usersfreeze'
        UNION ALL SELECT table_name FROM information_schema.tables
        WHERE table_schema = billing
          AND table_name IN ('usersblok', 'usersdel')) AS need
  WHERE NOT may(me, billing, need.on_table, 'TRIGGER')
  LIMIT 1;
  IF lacking IS NULL AND NOT may(me, billing, '', 'LOCK TABLES') THEN
    SET lacking = 'LOCK TABLES on the billing';
  END IF;
  IF lacking IS NULL AND NOT may(me, '', '', 'SUPER')
     AND NOT may(me, '', '', 'SET USER')
     AND NOT may(me, '', '', 'SET_USER_ID')
     AND NOT may(me, '', '', 'SET_ANY_DEFINER') THEN
    SET lacking = 'SET USER (or SUPER)';
  END IF;
  IF lacking IS NOT NULL THEN
    CALL refuse(CONCAT('you lack ', lacking, ': run as root'));
  END IF;

  IF NOT EXISTS (SELECT 1 FROM information_schema.user_privileges
                 WHERE grantee = definer) THEN
    CALL refuse(CONCAT('no account mbev_trigger@localhost to be seen: ',
                       'as root, run grants.sql'));
  END IF;
  SELECT CONCAT(need.privilege, ' on ', need.on_table) INTO lacking
  FROM (SELECT 'mikbill_events' AS in_schema, 'outbox' AS on_table,
               'INSERT' AS privilege
        UNION ALL SELECT billing, 'bugh_plategi_stat', 'TRIGGER'
        UNION ALL SELECT billing, 'bugh_plategi_stat', 'SELECT'
        UNION ALL SELECT billing, 'bugh_uslugi_stat', 'TRIGGER'
        UNION ALL SELECT billing, 'bugh_uslugi_stat', 'SELECT'
        UNION ALL SELECT billing, 'users', 'TRIGGER'
        UNION ALL SELECT billing, 'users', 'SELECT'
        UNION ALL SELECT billing, 'usersfreeze', 'TRIGGER'
        UNION ALL SELECT billing, 'usersfreeze', 'SELECT'
        UNION ALL SELECT billing, table_name, 'TRIGGER'
        FROM information_schema.tables
        WHERE table_schema = billing AND table_name IN ('usersblok', 'usersdel')
        UNION ALL SELECT billing, table_name, 'SELECT'
        FROM information_schema.tables
        WHERE table_schema = billing
          AND table_name IN ('usersblok', 'usersdel')) AS need
  WHERE NOT may(definer, need.in_schema, need.on_table, need.privilege)
  LIMIT 1;
  IF lacking IS NOT NULL THEN
    CALL refuse(CONCAT('mbev_trigger@localhost lacks ', lacking,
                       ': run grants.sql'));
  END IF;
END //

-- strangers_check(billing): refuses when a name of ours is taken by a trigger
-- that is not ours, or the one place that old servers have for a trigger: but
-- for one that has our body in it. Ours are known by their definer and by the
-- label before their BEGIN.
-- Reads: information_schema.
DROP PROCEDURE IF EXISTS strangers_check //
CREATE PROCEDURE strangers_check (IN billing VARCHAR(64))
  READS SQL DATA SQL SECURITY INVOKER
  COMMENT 'refuses when a trigger that is not ours is in the way'
BEGIN
  DECLARE reason VARCHAR(200) DEFAULT NULL;
  DECLARE one_only BOOLEAN DEFAULT TRUE
    /*M!100203 AND FALSE */ /*!50702 AND FALSE */;
  DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;

  SELECT CONCAT('trigger ', trigger_name, ' is not ours: rename or drop it')
  INTO reason FROM information_schema.triggers
  WHERE trigger_schema = billing
    AND (definer <> 'mbev_trigger@localhost'
         OR action_statement NOT LIKE 'mikbill\_events:%')
    AND trigger_name IN ('mbev_ai_bugh_plategi_stat',
                         'mbev_ai_bugh_uslugi_stat',
                         'mbev_au_bugh_uslugi_stat',
                         'mbev_au_users', 'mbev_ad_users',
                         'mbev_ai_usersfreeze', 'mbev_au_usersfreeze',
                         'mbev_ad_usersfreeze',
                         'mbev_ai_usersblok', 'mbev_ad_usersblok',
                         'mbev_ai_usersdel', 'mbev_ad_usersdel')
  LIMIT 1;
  IF reason IS NULL AND one_only THEN
    SELECT CONCAT('trigger ', trigger_name, ' has the one place on ',
                  event_object_table, ': see "One trigger" in docs/dba.md')
    INTO reason FROM information_schema.triggers
    WHERE trigger_schema = billing AND action_timing = 'AFTER'
      AND CONCAT(event_manipulation, ' ', event_object_table) IN
          ('INSERT bugh_plategi_stat', 'INSERT bugh_uslugi_stat',
           'UPDATE bugh_uslugi_stat', 'UPDATE users', 'DELETE users',
           'INSERT usersfreeze', 'UPDATE usersfreeze', 'DELETE usersfreeze',
           'INSERT usersblok', 'DELETE usersblok',
           'INSERT usersdel', 'DELETE usersdel')
      AND (definer <> 'mbev_trigger@localhost'
           OR action_statement NOT LIKE 'mikbill\_events:%')
      AND action_statement NOT LIKE '%;%mikbill\_events: BEGIN%'
    LIMIT 1;
  END IF;
  IF reason IS NOT NULL THEN
    CALL refuse(reason);
  END IF;
END //

-- install_check(billing): refuses, with the reason and the cure, whatever
-- triggers.sql must not be run on. Changes nothing.
-- Reads: installation, information_schema, global variables.
DROP PROCEDURE IF EXISTS install_check //
CREATE PROCEDURE install_check (IN billing VARCHAR(64))
  READS SQL DATA SQL SECURITY INVOKER
  COMMENT 'refuses what triggers.sql must not be run on'
BEGIN
  DECLARE other VARCHAR(64) DEFAULT NULL;
  DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;

  CALL billing_check(billing);
  SELECT i.billing INTO other FROM installation AS i
  WHERE i.billing <> billing LIMIT 1;
  IF other IS NOT NULL THEN
    CALL refuse(CONCAT('mikbill_events serves ', other,
                       ': run uninstall.sql on that one first'));
  END IF;
  CALL functions_check();
  CALL server_check(billing);
  CALL rights_check(billing);
  CALL strangers_check(billing);
END //

DELIMITER ;
