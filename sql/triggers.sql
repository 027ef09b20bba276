-- mikbill-events: the triggers on the billing's tables.
--
--   mysql BILLING < sql/triggers.sql      (BILLING: name of the billing)
--
-- Needs: sql/schema.sql and sql/grants.sql first; SELECT, TRIGGER and LOCK
-- TABLES on the billing, SET USER or SUPER, INSERT, UPDATE and DELETE on
-- mikbill_events.*: run it as root.
-- Refuses, with the reason and the cure, what it must not be run on, and has
-- changed nothing then. So never mysql --force; nor --comments, see part 4.
-- Undo: sql/uninstall.sql.
--
-- Safe on a live billing: no billing statement waits for it more than 3 s.
-- Where a long query or transaction holds a table it gives up with a lock
-- wait error; what was done until then works, run it again.
-- Running it again is harmless: each trigger is replaced while its table is
-- locked, so no change goes by uncaptured, and what the DBA changed in
-- payment_kind stays. Run it again after functions of mbev.so were restored:
-- triggers in the table cache would go on without them, in silence.
--
-- The label mikbill_events before each BEGIN is how we know our own triggers:
-- the mysql client does not send comments.

SET NAMES utf8mb4;
SET SESSION sql_mode = '';
SET SESSION lock_wait_timeout = 2;
SET SESSION innodb_lock_wait_timeout = 2;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;

-- 1. Refuse what this must not be run on.

-- (MySQL has no compound statement here; there the reason is told as the name
-- of a column that nobody has.)
SET @mbev_reason = IF(EXISTS (
  SELECT 1 FROM information_schema.routines
  WHERE routine_schema = 'mikbill_events' AND routine_name = 'install_check'),
  NULL, 'mikbill_events is not here, or not for you: schema.sql first, as root');

DELIMITER //
/*M!100500
BEGIN NOT ATOMIC
  IF @mbev_reason IS NOT NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @mbev_reason;
  END IF;
END */ //
DELIMITER ;
SET @mbev_text = IF(@mbev_reason IS NULL, 'DO 0',
                    CONCAT('SELECT `', REPLACE(@mbev_reason, '`', '``'), '`'));
PREPARE mbev_step FROM @mbev_text;
EXECUTE mbev_step;

CALL mikbill_events.install_check(DATABASE());

-- 2. What the payment types mean. INSERT IGNORE: rows that are there stay.

-- Our defaults: movements of money that are no payment of a subscriber.
INSERT IGNORE INTO mikbill_events.payment_kind (bughtypeid, kind, origin)
VALUES
  (7, 'refund', 'default'), (18, 'credit_limit', 'default'),
  (62, 'api', 'default'),
  (1, 'ignore', 'default'), (2, 'ignore', 'default'),
  (6, 'ignore', 'default'), (9, 'ignore', 'default'),
  (10, 'ignore', 'default'), (15, 'ignore', 'default'),
  (16, 'ignore', 'default'), (17, 'ignore', 'default'),
  (20, 'ignore', 'default'), (21, 'ignore', 'default'),
  (22, 'ignore', 'default'), (23, 'ignore', 'default'),
  (24, 'ignore', 'default'), (25, 'ignore', 'default'),
  (26, 'ignore', 'default'), (27, 'ignore', 'default'),
  (29, 'ignore', 'default'), (30, 'ignore', 'default'),
  (32, 'ignore', 'default'), (33, 'ignore', 'default'),
  (34, 'ignore', 'default'), (35, 'ignore', 'default'),
  (36, 'ignore', 'default'), (39, 'ignore', 'default'),
  (42, 'ignore', 'default'), (43, 'ignore', 'default'),
  (46, 'ignore', 'default'), (48, 'ignore', 'default'),
  (49, 'ignore', 'default'), (50, 'ignore', 'default'),
  (51, 'ignore', 'default'), (64, 'ignore', 'default'),
  (65, 'ignore', 'default'), (72, 'ignore', 'default'),
  (73, 'ignore', 'default'), (74, 'ignore', 'default'),
  (75, 'ignore', 'default'), (78, 'ignore', 'default'),
  (79, 'ignore', 'default'), (93, 'ignore', 'default'),
  (99, 'ignore', 'default'), (100, 'ignore', 'default'),
  (103, 'ignore', 'default'), (104, 'ignore', 'default'),
  (105, 'ignore', 'default');

-- Their names, as this billing calls them.
UPDATE mikbill_events.payment_kind AS ours
JOIN bugh_plategi_type AS theirs USING (bughtypeid)
SET ours.comment = theirs.typename
WHERE ours.origin = 'default' AND ours.comment = '';

-- Every other type of this billing: what adds to the deposit is a payment.
INSERT IGNORE INTO mikbill_events.payment_kind
  (bughtypeid, kind, origin, comment)
SELECT bughtypeid, IF(deposit_action = '+', 'payment', 'ignore'), 'billing',
       typename
FROM bugh_plategi_type;

-- 3. From where on this billing is captured. The keys are those of the first
--    time; the generation follows the billing.

INSERT INTO mikbill_events.installation
  (billing, generation, first_plategid, first_uslid, installed_utc)
SELECT DATABASE(),
       IF(EXISTS (SELECT 1 FROM information_schema.columns
                  WHERE table_schema = DATABASE() AND table_name = 'users'
                    AND column_name = 'state'), 'modern', 'legacy'),
       (SELECT IFNULL(MAX(plategid), 0) FROM bugh_plategi_stat),
       (SELECT IFNULL(MAX(uslid), 0) FROM bugh_uslugi_stat),
       UTC_TIMESTAMP(3)
ON DUPLICATE KEY UPDATE generation = VALUES(generation);

-- 4. The triggers.
--
-- CREATE TRIGGER would wait twice, for writers of the table and then for
-- readers, and the billing would wait behind it. One LOCK TABLES waits, once,
-- and the rest is done under it. MariaDB replaces the trigger of before in one
-- step: its DROP looks into mikbill_events, where there is none. MySQL cannot,
-- and drops it.
--
-- (MySQL 5.6 waits twice all the same: it locks the outbox along.)
--
-- What holds in every body:
--   * No error of ours reaches the billing: the first handler. What it
--     swallows is not captured: see "When something goes wrong" in README.md.
--   * A wait or a deadlock cannot be handled. So: no read, and one INSERT of
--     one row into a table that nobody locks.
--   * Text is converted here: mbev_json takes UTF-8.
--
-- Some bodies fit only some billings: users.state is there in the modern
-- generation alone, and not every billing has usersblok and usersdel. A trigger
-- that names what is not there cannot be made, and no server makes CREATE
-- TRIGGER on a condition. So these stand between the quotes of a text:
--
--   DO '\'; SET ...; CREATE ... -- '
--
-- With sql_mode NO_BACKSLASH_ESCAPES the text is over behind the backslash, and
-- what follows is carried out; else the backslash hides that quote, and all of
-- it is one text that does nothing. So quotes in these bodies are double ones.
-- (No semicolon ends these bodies: MySQL would keep it, and a dump of the
-- billing could not be read again. Nor may the client keep comments.)

SET SESSION lock_wait_timeout = 1;
/*M!100500 SET SESSION lock_wait_timeout = 2 */;
/*!50701 SET SESSION lock_wait_timeout = 2 */;

-- What this billing has.
SELECT SUM(table_name = 'users' AND column_name = 'state'),
       SUM(table_name = 'usersblok' AND column_name = 'gid'),
       SUM(table_name = 'usersdel' AND column_name = 'gid')
INTO @mbev_state, @mbev_usersblok, @mbev_usersdel
FROM information_schema.columns WHERE table_schema = DATABASE();

DELIMITER //

-- Trigger: mbev_ai_bugh_plategi_stat
-- Purpose: payments, refunds, credit limits.
-- Reads:   nothing. What a type means, the service looks up in payment_kind.
-- Writes:  one row of outbox; its kind is the number of the type.
-- Costs:   a comparison for the types listed here; an insert and a datagram
--          for the others.
--
-- Listed are the fees and blocks that the billing books by itself, a row for
-- every subscriber in one night. One of them that payment_kind calls anything
-- but ignore is captured a minute or two later, by comparison with the billing.
--
-- kopecks: rounded as the billing rounds, by ROUND(summa, 2) of the double.

LOCK TABLES bugh_plategi_stat WRITE //
DROP TRIGGER IF EXISTS /*M! mikbill_events. */ mbev_ai_bugh_plategi_stat //
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_ai_bugh_plategi_stat AFTER INSERT ON bugh_plategi_stat
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  IF NEW.bughtypeid IN (1, 2, 9, 20, 21, 22, 29, 32, 39, 42, 43, 50, 51, 65,
                        104) THEN
    LEAVE mikbill_events;
  END IF;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), NEW.bughtypeid, mbev_json(
    'v', 1,
    'table', 'bugh_plategi_stat',
    'id', NEW.plategid,
    'uid', NEW.uid,
    'date', NEW.date,
    'age_s', TIMESTAMPDIFF(SECOND, NEW.date, NOW()),
    'type', NEW.bughtypeid,
    'summa', NEW.summa,
    'kopecks', CAST(ROUND(ROUND(NEW.summa, 2) * 100) AS SIGNED),
    'before', NEW.before_billing,
    'who', NEW.who,
    'comment', CONVERT(NEW.comment USING utf8mb4)));
  DO mbev_ring();
END //
UNLOCK TABLES //

-- Trigger: mbev_ai_bugh_uslugi_stat
-- Purpose: credits taken: usluga 1 (credit), 2 (credit with percents); turbo
--          switched on: usluga 3.
-- Reads:   nothing.
-- Writes:  one row of outbox.
-- Costs:   a comparison for other services; an insert and a datagram for these.

LOCK TABLES bugh_uslugi_stat WRITE //
DROP TRIGGER IF EXISTS /*M! mikbill_events. */ mbev_ai_bugh_uslugi_stat //
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_ai_bugh_uslugi_stat AFTER INSERT ON bugh_uslugi_stat
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  IF NEW.usluga NOT IN (1, 2, 3) THEN
    LEAVE mikbill_events;
  END IF;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), IF(NEW.usluga = 3, 'turbo', 'credit'), mbev_json(
    'v', 1,
    'table', 'bugh_uslugi_stat',
    'id', NEW.uslid,
    'uid', NEW.uid,
    'date', NEW.date_start,
    'age_s', TIMESTAMPDIFF(SECOND, NEW.date_start, NOW()),
    'usluga', NEW.usluga,
    'summa', NEW.summa,
    'kopecks', CAST(ROUND(ROUND(NEW.summa, 2) * 100) AS SIGNED),
    'credit', NEW.credit,
    'gid', NEW.gid));
  DO mbev_ring();
END //
UNLOCK TABLES //

-- Trigger: mbev_au_bugh_uslugi_stat
-- Purpose: turbo switched off: active falls to 0, or date_stop comes to a time
--          that is over.
-- Reads:   nothing.
-- Writes:  one row of outbox.
-- Costs:   a comparison for other services; an insert and a datagram for this.

LOCK TABLES bugh_uslugi_stat WRITE //
DROP TRIGGER IF EXISTS /*M! mikbill_events. */ mbev_au_bugh_uslugi_stat //
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_au_bugh_uslugi_stat AFTER UPDATE ON bugh_uslugi_stat
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  IF NEW.usluga <> 3
     OR NOT (OLD.active <> 0 AND NEW.active = 0
             OR NEW.date_stop <= NOW()
                AND (OLD.date_stop IS NULL OR OLD.date_stop > NOW()))
        IS TRUE THEN
    LEAVE mikbill_events;
  END IF;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), 'turbo', mbev_json(
    'v', 1,
    'table', 'bugh_uslugi_stat',
    'id', NEW.uslid,
    'uid', NEW.uid,
    'usluga', NEW.usluga,
    'ended', 1));
  DO mbev_ring();
END //
UNLOCK TABLES //

-- Trigger: mbev_au_users
-- Purpose: changes of a subscriber: tariff, real IP address; where there is
--          users.state, freezing (2), blocking (3), deleting (4), and coming
--          back from there to the active (1): unfreeze from 2, else unblock.
-- Reads:   nothing.
-- Writes:  one row of outbox for each of them.
-- Costs:   two or three comparisons for every other update, and users is
--          updated all day; an insert and a datagram for a change.

LOCK TABLES users WRITE //
DROP TRIGGER IF EXISTS /*M! mikbill_events. */ mbev_au_users //
SET SESSION sql_mode = IF(@mbev_state, '', 'NO_BACKSLASH_ESCAPES') //
DO '\'; SET SESSION sql_mode = '';
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_au_users AFTER UPDATE ON users
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  IF OLD.gid <=> NEW.gid AND OLD.real_ip <=> NEW.real_ip THEN
    LEAVE mikbill_events;
  END IF;

  IF NOT (OLD.gid <=> NEW.gid) THEN
    INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
    VALUES (UTC_TIMESTAMP(3), "tariff_change", mbev_json(
      "v", 1,
      "table", "users",
      "uid", NEW.uid,
      "gid_old", OLD.gid,
      "gid_new", NEW.gid));
  END IF;
  IF NOT (OLD.real_ip <=> NEW.real_ip) THEN
    INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
    VALUES (UTC_TIMESTAMP(3), "real_ip", mbev_json(
      "v", 1,
      "table", "users",
      "uid", NEW.uid,
      "real_ip_old", OLD.real_ip,
      "real_ip_new", NEW.real_ip));
  END IF;
  DO mbev_ring();
END -- '
//
SET SESSION sql_mode = '' //

SET SESSION sql_mode = IF(@mbev_state, 'NO_BACKSLASH_ESCAPES', '') //
DO '\'; SET SESSION sql_mode = '';
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_au_users AFTER UPDATE ON users
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  IF OLD.gid <=> NEW.gid AND OLD.real_ip <=> NEW.real_ip
     AND OLD.state <=> NEW.state THEN
    LEAVE mikbill_events;
  END IF;

  IF NOT (OLD.gid <=> NEW.gid) THEN
    INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
    VALUES (UTC_TIMESTAMP(3), "tariff_change", mbev_json(
      "v", 1,
      "table", "users",
      "uid", NEW.uid,
      "gid_old", OLD.gid,
      "gid_new", NEW.gid));
  END IF;
  IF NOT (OLD.real_ip <=> NEW.real_ip) THEN
    INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
    VALUES (UTC_TIMESTAMP(3), "real_ip", mbev_json(
      "v", 1,
      "table", "users",
      "uid", NEW.uid,
      "real_ip_old", OLD.real_ip,
      "real_ip_new", NEW.real_ip));
  END IF;
  IF NEW.state IN (2, 3, 4) AND NOT (OLD.state <=> NEW.state)
     OR NEW.state = 1 AND OLD.state IN (2, 3, 4) THEN
    INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
    VALUES (UTC_TIMESTAMP(3),
      ELT(NEW.state, IF(OLD.state = 2, "unfreeze", "unblock"),
          "freeze", "block", "delete"),
      mbev_json(
        "v", 1,
        "table", "users",
        "uid", NEW.uid,
        "state_old", OLD.state,
        "state_new", NEW.state));
  END IF;
  DO mbev_ring();
END -- '
//
SET SESSION sql_mode = '' //
UNLOCK TABLES //

-- Trigger: mbev_ad_users
-- Purpose: a subscriber's row leaves users for another table, perhaps with
--          another tariff there.
-- Reads:   nothing. Where it went, the service looks a little later.
-- Writes:  one row of outbox.
-- Costs:   an insert and a datagram.

LOCK TABLES users WRITE //
DROP TRIGGER IF EXISTS /*M! mikbill_events. */ mbev_ad_users //
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_ad_users AFTER DELETE ON users
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), 'moved', mbev_json(
    'v', 1,
    'table', 'users',
    'uid', OLD.uid,
    'gid', OLD.gid));
  DO mbev_ring();
END //
UNLOCK TABLES //

-- Trigger: mbev_au_usersfreeze
-- Purpose: change of tariff or real IP address of a frozen subscriber.
-- Reads:   nothing.
-- Writes:  one row of outbox for each.
-- Costs:   two comparisons for every other update; an insert and a datagram for
--          a change.

LOCK TABLES usersfreeze WRITE //
DROP TRIGGER IF EXISTS /*M! mikbill_events. */ mbev_au_usersfreeze //
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_au_usersfreeze AFTER UPDATE ON usersfreeze
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  IF OLD.gid <=> NEW.gid AND OLD.real_ip <=> NEW.real_ip THEN
    LEAVE mikbill_events;
  END IF;

  IF NOT (OLD.gid <=> NEW.gid) THEN
    INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
    VALUES (UTC_TIMESTAMP(3), 'tariff_change', mbev_json(
      'v', 1,
      'table', 'usersfreeze',
      'uid', NEW.uid,
      'gid_old', OLD.gid,
      'gid_new', NEW.gid));
  END IF;
  IF NOT (OLD.real_ip <=> NEW.real_ip) THEN
    INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
    VALUES (UTC_TIMESTAMP(3), 'real_ip', mbev_json(
      'v', 1,
      'table', 'usersfreeze',
      'uid', NEW.uid,
      'real_ip_old', OLD.real_ip,
      'real_ip_new', NEW.real_ip));
  END IF;
  DO mbev_ring();
END //
UNLOCK TABLES //

-- Trigger: mbev_ai_usersfreeze
-- Purpose: a subscriber is frozen, by a row in usersfreeze.
-- Reads:   nothing.
-- Writes:  one row of outbox.
-- Costs:   an insert and a datagram.

LOCK TABLES usersfreeze WRITE //
DROP TRIGGER IF EXISTS /*M! mikbill_events. */ mbev_ai_usersfreeze //
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_ai_usersfreeze AFTER INSERT ON usersfreeze
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), 'freeze', mbev_json(
    'v', 1,
    'table', 'usersfreeze',
    'uid', NEW.uid,
    'gid', NEW.gid));
  DO mbev_ring();
END //
UNLOCK TABLES //

-- Trigger: mbev_ad_usersfreeze
-- Purpose: a subscriber's row leaves usersfreeze: to users, to be blocked or
--          deleted, or for good.
-- Reads:   nothing. Where it went, the service looks a little later.
-- Writes:  two rows of outbox: one for the state, one for the tariff.
-- Costs:   two inserts and a datagram.

LOCK TABLES usersfreeze WRITE //
DROP TRIGGER IF EXISTS /*M! mikbill_events. */ mbev_ad_usersfreeze //
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_ad_usersfreeze AFTER DELETE ON usersfreeze
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), 'left', mbev_json(
    'v', 1,
    'table', 'usersfreeze',
    'uid', OLD.uid,
    'gid', OLD.gid));
  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), 'moved', mbev_json(
    'v', 1,
    'table', 'usersfreeze',
    'uid', OLD.uid,
    'gid', OLD.gid));
  DO mbev_ring();
END //
UNLOCK TABLES //

-- Trigger: mbev_ai_usersblok
-- Purpose: a subscriber is blocked, by a row in usersblok.
-- Reads:   nothing.
-- Writes:  one row of outbox.
-- Costs:   an insert and a datagram.

SET SESSION sql_mode = IF(@mbev_usersblok, 'NO_BACKSLASH_ESCAPES', '') //
DO '\'; LOCK TABLES usersblok WRITE; DO 0 -- '
//
DO '\'; SET SESSION sql_mode = '';
DROP TRIGGER IF EXISTS /*M! mikbill_events. */ mbev_ai_usersblok;
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_ai_usersblok AFTER INSERT ON usersblok
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), "block", mbev_json(
    "v", 1,
    "table", "usersblok",
    "uid", NEW.uid,
    "gid", NEW.gid));
  DO mbev_ring();
END -- '
//
SET SESSION sql_mode = '' //
UNLOCK TABLES //

-- Trigger: mbev_ad_usersblok
-- Purpose: a subscriber's row leaves usersblok.
-- Reads:   nothing. Where it went, the service looks a little later.
-- Writes:  two rows of outbox: one for the state, one for the tariff.
-- Costs:   two inserts and a datagram.

SET SESSION sql_mode = IF(@mbev_usersblok, 'NO_BACKSLASH_ESCAPES', '') //
DO '\'; LOCK TABLES usersblok WRITE; DO 0 -- '
//
DO '\'; SET SESSION sql_mode = '';
DROP TRIGGER IF EXISTS /*M! mikbill_events. */ mbev_ad_usersblok;
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_ad_usersblok AFTER DELETE ON usersblok
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), "left", mbev_json(
    "v", 1,
    "table", "usersblok",
    "uid", OLD.uid,
    "gid", OLD.gid));
  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), "moved", mbev_json(
    "v", 1,
    "table", "usersblok",
    "uid", OLD.uid,
    "gid", OLD.gid));
  DO mbev_ring();
END -- '
//
SET SESSION sql_mode = '' //
UNLOCK TABLES //

-- Trigger: mbev_ai_usersdel
-- Purpose: a subscriber is deleted, by a row in usersdel.
-- Reads:   nothing.
-- Writes:  one row of outbox.
-- Costs:   an insert and a datagram.

SET SESSION sql_mode = IF(@mbev_usersdel, 'NO_BACKSLASH_ESCAPES', '') //
DO '\'; LOCK TABLES usersdel WRITE; DO 0 -- '
//
DO '\'; SET SESSION sql_mode = '';
DROP TRIGGER IF EXISTS /*M! mikbill_events. */ mbev_ai_usersdel;
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_ai_usersdel AFTER INSERT ON usersdel
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), "delete", mbev_json(
    "v", 1,
    "table", "usersdel",
    "uid", NEW.uid,
    "gid", NEW.gid));
  DO mbev_ring();
END -- '
//
SET SESSION sql_mode = '' //
UNLOCK TABLES //

-- Trigger: mbev_ad_usersdel
-- Purpose: a subscriber's row leaves usersdel.
-- Reads:   nothing. Where it went, the service looks a little later.
-- Writes:  two rows of outbox: one for the state, one for the tariff.
-- Costs:   two inserts and a datagram.

SET SESSION sql_mode = IF(@mbev_usersdel, 'NO_BACKSLASH_ESCAPES', '') //
DO '\'; LOCK TABLES usersdel WRITE; DO 0 -- '
//
DO '\'; SET SESSION sql_mode = '';
DROP TRIGGER IF EXISTS /*M! mikbill_events. */ mbev_ad_usersdel;
CREATE /*M! OR REPLACE */ DEFINER = `mbev_trigger`@`localhost`
TRIGGER mbev_ad_usersdel AFTER DELETE ON usersdel
FOR EACH ROW
mikbill_events: BEGIN
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;

  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), "left", mbev_json(
    "v", 1,
    "table", "usersdel",
    "uid", OLD.uid,
    "gid", OLD.gid));
  INSERT INTO mikbill_events.outbox (captured_utc, kind, body)
  VALUES (UTC_TIMESTAMP(3), "moved", mbev_json(
    "v", 1,
    "table", "usersdel",
    "uid", OLD.uid,
    "gid", OLD.gid));
  DO mbev_ring();
END -- '
//
SET SESSION sql_mode = '' //
UNLOCK TABLES //
DELIMITER ;

-- 5. All of them are new. Not every server tells of a trigger when it was made.

DELETE FROM mikbill_events.milestone WHERE source = 'triggers';
INSERT INTO mikbill_events.milestone (source, at_utc, row_id)
VALUES ('triggers', UTC_TIMESTAMP(3), 0);
