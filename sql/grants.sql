-- mikbill-events: the accounts, and what each may do.
--
--   mysql BILLING < sql/grants.sql        (BILLING: name of the billing)
--
-- Needs: sql/schema.sql first; CREATE USER, and what is granted here WITH
-- GRANT OPTION: run it as root.
-- Running it again is harmless: a password that was set stays.
-- Undo: sql/uninstall.sql.
--
--   mbev_trigger  definer of our triggers. Nobody can log in as it. Never drop
--                 it while a trigger of ours exists: payments would fail, 1449.
--   mbev_service  mbevd and mbevctl.
--   mbev_reader   monitoring; reads our database, nothing of the billing.
--
-- Service and reader have no usable password yet. Set one inside the client,
-- not on its command line, so that no shell history and no list of processes
-- shows it; and keep it out of the client's own history:
--
--   MYSQL_HISTFILE=/dev/null mysql
--   SET PASSWORD FOR 'mbev_service'@'localhost' = PASSWORD('...');
--
-- That is for MariaDB and MySQL 5.6. MySQL and Percona since 5.7 take the
-- password itself: = '...'.

SET NAMES utf8mb4;
SET SESSION sql_mode = '';
SET SESSION lock_wait_timeout = 2;
SET SESSION innodb_lock_wait_timeout = 2;

-- 1. Refuse what this must not be run on.

-- (MySQL has no compound statement here; there the reason is told as the name
-- of a column that nobody has.)
SET @mbev_reason = IF(EXISTS (
  SELECT 1 FROM information_schema.routines
  WHERE routine_schema = 'mikbill_events' AND routine_name = 'install_check'),
  NULL, 'mikbill_events is not here: run mysql < sql/schema.sql first');

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

CALL mikbill_events.billing_check(DATABASE());

-- 2. The accounts, those that are not there. The definer's is locked.

CALL mikbill_events.create_account('mbev_trigger', TRUE);
CALL mikbill_events.create_account('mbev_service', FALSE);
CALL mikbill_events.create_account('mbev_reader', FALSE);

-- 3. The definer of the triggers: what their bodies do, and nothing else.

GRANT INSERT ON mikbill_events.outbox TO 'mbev_trigger'@'localhost';
GRANT TRIGGER, SELECT ON bugh_plategi_stat TO 'mbev_trigger'@'localhost';
GRANT TRIGGER, SELECT ON bugh_uslugi_stat TO 'mbev_trigger'@'localhost';
GRANT TRIGGER, SELECT ON users TO 'mbev_trigger'@'localhost';
GRANT TRIGGER, SELECT ON usersfreeze TO 'mbev_trigger'@'localhost';
CALL mikbill_events.grant_if_table(DATABASE(), 'usersblok',
                                   'TRIGGER, SELECT', 'mbev_trigger');
CALL mikbill_events.grant_if_table(DATABASE(), 'usersdel',
                                   'TRIGGER, SELECT', 'mbev_trigger');
-- Where the server is read only, some accounts write all the same, root among
-- them: what they change is captured.
/*M!100502 GRANT READ_ONLY ADMIN ON *.* TO 'mbev_trigger'@'localhost' */;

-- 4. The service. In our database: work is its own, settings are the DBA's.

GRANT SELECT ON `mikbill\_events`.* TO 'mbev_service'@'localhost';
GRANT INSERT, DELETE ON mikbill_events.outbox TO 'mbev_service'@'localhost';
GRANT INSERT, UPDATE, DELETE ON mikbill_events.event
  TO 'mbev_service'@'localhost';
GRANT INSERT, UPDATE, DELETE ON mikbill_events.delivery
  TO 'mbev_service'@'localhost';
GRANT INSERT, UPDATE ON mikbill_events.owner TO 'mbev_service'@'localhost';
GRANT INSERT, DELETE ON mikbill_events.api_credit
  TO 'mbev_service'@'localhost';
GRANT INSERT, UPDATE ON mikbill_events.receipt TO 'mbev_service'@'localhost';
GRANT INSERT, UPDATE ON mikbill_events.till TO 'mbev_service'@'localhost';
GRANT INSERT, UPDATE, DELETE ON mikbill_events.router
  TO 'mbev_service'@'localhost';
GRANT INSERT, DELETE ON mikbill_events.milestone
  TO 'mbev_service'@'localhost';
GRANT INSERT, UPDATE ON mikbill_events.forgotten
  TO 'mbev_service'@'localhost';
GRANT INSERT, UPDATE, DELETE ON mikbill_events.gap
  TO 'mbev_service'@'localhost';
GRANT INSERT, UPDATE, DELETE ON mikbill_events.pause
  TO 'mbev_service'@'localhost';
GRANT INSERT ON mikbill_events.audit TO 'mbev_service'@'localhost';
GRANT INSERT, UPDATE, DELETE ON mikbill_events.pulse
  TO 'mbev_service'@'localhost';

-- In the billing it reads what decisions are made of, table by table...
GRANT SELECT ON users TO 'mbev_service'@'localhost';
GRANT SELECT ON usersfreeze TO 'mbev_service'@'localhost';
GRANT SELECT ON bugh_plategi_stat TO 'mbev_service'@'localhost';
GRANT SELECT ON bugh_uslugi_stat TO 'mbev_service'@'localhost';
GRANT SELECT ON bugh_plategi_type TO 'mbev_service'@'localhost';
-- ... and those that not every billing has ...
CALL mikbill_events.grant_if_table(DATABASE(), 'usersblok',
                                   'SELECT', 'mbev_service');
CALL mikbill_events.grant_if_table(DATABASE(), 'usersdel',
                                   'SELECT', 'mbev_service');
CALL mikbill_events.grant_if_table(DATABASE(), 'packets',
                                   'SELECT', 'mbev_service');
CALL mikbill_events.grant_if_table(DATABASE(), 'stuff_personal',
                                   'SELECT', 'mbev_service');
-- ... of the routers how to log in to them, and no column beside, and who is
-- online on which ...
CALL mikbill_events.grant_columns(DATABASE(), 'radnas',
  'id,nasname,nastype,naslogin,naspass,secret,impruport,use_api',
  'mbev_service');
CALL mikbill_events.grant_columns(DATABASE(), 'radacct',
  'uid,nasipaddress,framedipaddress,acctsessionid,acctterminatecause',
  'mbev_service');
-- ... writes bonuses, for the billing's own payment API to credit ...
CALL mikbill_events.grant_if_table(DATABASE(), 'addons_pay_api',
                                   'SELECT, INSERT', 'mbev_service');
CALL mikbill_events.grant_if_table(DATABASE(), 'addons_pay_api_category',
                                   'SELECT, INSERT', 'mbev_service');
-- ... takes discounts away and logs that ...
CALL mikbill_events.grant_if_table(DATABASE(), 'users_custom_fields',
                                   'SELECT, DELETE', 'mbev_service');
CALL mikbill_events.grant_if_table(DATABASE(), 'logs',
                                   'SELECT, INSERT', 'mbev_service');
-- ... writes the log of messages that the billing's own pages show ...
GRANT SELECT, INSERT, UPDATE ON sms_logs TO 'mbev_service'@'localhost';
-- ... and the list of receipts, which it makes when receipts are switched on
-- and the table is not there: of these two names the one in [receipt] table.
GRANT CREATE, SELECT, INSERT, UPDATE ON receipts_log
  TO 'mbev_service'@'localhost';
GRANT CREATE, SELECT, INSERT, UPDATE ON __komtet_receipts_log
  TO 'mbev_service'@'localhost';

-- 5. Whether our triggers are there, and as they were made. Who may not create
--    triggers sees none; so the definer looks, who has TRIGGER on these tables.

DELIMITER //
DROP FUNCTION IF EXISTS mikbill_events.has_trigger //
DROP FUNCTION IF EXISTS mikbill_events.trigger_report //
DROP FUNCTION IF EXISTS mikbill_events.definer_lacks //

-- has_trigger(billing, table, since): whether all our triggers are on that
-- table, fit the columns that it has, and were made at that time (UTC) or
-- later. MySQL 5.6 does not tell when: there only 2000-01-01 is certain. Where
-- a table bears one trigger ours may be a block in that of somebody else.
-- Reads: information_schema, of this table alone.
CREATE DEFINER = `mbev_trigger`@`localhost`
FUNCTION mikbill_events.has_trigger (billing VARCHAR(64),
                                     on_table VARCHAR(64), since DATETIME(3))
  RETURNS BOOLEAN READS SQL DATA SQL SECURITY DEFINER
  COMMENT 'whether our triggers are on that table, fit it, and are not older'
BEGIN
  DECLARE found, fit INT;
  SELECT COUNT(DISTINCT event_manipulation),
         COUNT(DISTINCT NULLIF(
           SUBSTRING(action_statement,
                     LOCATE('mikbill_events: BEGIN', action_statement))
           LIKE '%NEW.state%', FALSE))
    INTO found, fit
  FROM information_schema.triggers
  WHERE event_object_schema = billing AND event_object_table = on_table
    AND action_timing = 'AFTER'
    AND (trigger_name IN (CONCAT('mbev_ai_', on_table),
                          CONCAT('mbev_au_', on_table),
                          CONCAT('mbev_ad_', on_table))
         AND definer = 'mbev_trigger@localhost'
         OR action_statement LIKE '%;%mikbill\_events: BEGIN%')
    AND COALESCE(CONVERT_TZ(created, @@session.time_zone, '+00:00') >= since,
                 since <= '2000-01-01');
  RETURN found = CASE on_table WHEN 'bugh_plategi_stat' THEN 1
                               WHEN 'usersfreeze' THEN 3 ELSE 2 END
    AND fit = (SELECT COUNT(*) FROM information_schema.columns
               WHERE table_schema = billing AND table_name = on_table
                 AND on_table = 'users' AND column_name = 'state');
END //

-- trigger_report(billing, table): the triggers on that table, ours and others,
-- a line each, its columns divided by tabs: timing and event, place among its
-- like, definer, sql_mode, character set, digest of the body without its white
-- space, name. Of a body nothing is told but the digest; where ours is the last
-- block of another, the digest is that of our block.
-- Reads: information_schema, of this table alone.
CREATE DEFINER = `mbev_trigger`@`localhost`
FUNCTION mikbill_events.trigger_report (billing VARCHAR(64),
                                        on_table VARCHAR(64))
  RETURNS TEXT READS SQL DATA SQL SECURITY DEFINER
  COMMENT 'the triggers on that table, a line each'
BEGIN
  DECLARE report TEXT DEFAULT NULL;
  SELECT GROUP_CONCAT(
           CONCAT_WS(CHAR(9), CONCAT(action_timing, ' ', event_manipulation),
             action_order, definer, sql_mode, character_set_client,
             SHA2(IF(body LIKE '%;mikbill\_events:BEGIN%;END;END',
                     LEFT(SUBSTRING(body, LOCATE('mikbill_events:BEGIN', body)),
                          CHAR_LENGTH(body) - CHAR_LENGTH(';END')
                          - LOCATE('mikbill_events:BEGIN', body) + 1),
                     body), 256),
             trigger_name)
           ORDER BY event_manipulation, action_timing, action_order
           SEPARATOR '\n')
    INTO report
  FROM (
    SELECT action_timing, event_manipulation, action_order, definer, sql_mode,
           character_set_client, trigger_name,
           REPLACE(REPLACE(REPLACE(REPLACE(action_statement,
             ' ', ''), CHAR(9), ''), CHAR(10), ''), CHAR(13), '') AS body
    FROM information_schema.triggers
    WHERE event_object_schema = billing AND event_object_table = on_table
  ) AS here;
  RETURN report;
END //

-- definer_lacks(billing): what the definer of our triggers may not do and
-- must, or NULL.
-- Reads: information_schema, of this account alone.
CREATE DEFINER = `mbev_trigger`@`localhost`
FUNCTION mikbill_events.definer_lacks (billing VARCHAR(64))
  RETURNS TEXT READS SQL DATA SQL SECURITY DEFINER
  COMMENT 'rights that the definer of our triggers lacks; NULL = none'
BEGIN
  DECLARE lacking TEXT DEFAULT NULL;
  SELECT GROUP_CONCAT(need.privilege, ' on ', need.on_table SEPARATOR ', ')
    INTO lacking
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
        -- Not every billing has these: looked at where there is a right.
        UNION ALL SELECT has.table_schema, has.table_name, wants.privilege
        FROM information_schema.table_privileges AS has,
             (SELECT 'TRIGGER' AS privilege UNION ALL SELECT 'SELECT') AS wants
        WHERE has.grantee = '\'mbev_trigger\'@\'localhost\''
          AND has.table_schema = billing
          AND has.table_name IN ('usersblok', 'usersdel')
        GROUP BY 1, 2, 3) AS need
  WHERE NOT EXISTS (
    SELECT 1 FROM information_schema.table_privileges AS has
    WHERE has.grantee = '\'mbev_trigger\'@\'localhost\''
      AND has.table_schema = need.in_schema
      AND has.table_name = need.on_table
      AND has.privilege_type = need.privilege);
  RETURN lacking;
END //
DELIMITER ;

-- The server asks it of the definer, too.
GRANT EXECUTE ON FUNCTION mikbill_events.has_trigger
  TO 'mbev_trigger'@'localhost';
GRANT EXECUTE ON FUNCTION mikbill_events.has_trigger
  TO 'mbev_service'@'localhost';
GRANT EXECUTE ON FUNCTION mikbill_events.trigger_report
  TO 'mbev_trigger'@'localhost';
GRANT EXECUTE ON FUNCTION mikbill_events.trigger_report
  TO 'mbev_service'@'localhost';
GRANT EXECUTE ON FUNCTION mikbill_events.definer_lacks
  TO 'mbev_trigger'@'localhost';
GRANT EXECUTE ON FUNCTION mikbill_events.definer_lacks
  TO 'mbev_service'@'localhost';

-- 6. Monitoring.

GRANT SELECT ON `mikbill\_events`.* TO 'mbev_reader'@'localhost';
