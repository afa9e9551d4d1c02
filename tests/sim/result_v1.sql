-- SPDX-License-Identifier: Apache-2.0
--
-- A result file of schema 1 as homing-sim 0.1.0 wrote it (four runs, series cut to two buckets): readers must read it.
PRAGMA application_id = 1213025863;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE expect (                -- what the scenario's author committed to before the first run
  scenario INTEGER NOT NULL REFERENCES scenario(id),
  id       INTEGER NOT NULL,
  metric   TEXT NOT NULL,
  strategy TEXT NOT NULL,
  than     TEXT NOT NULL,            -- the strategy compared with
  verdict  TEXT NOT NULL,            -- a word of model.md section 5
  because  TEXT NOT NULL,
  PRIMARY KEY (scenario, id)
) WITHOUT ROWID;
INSERT INTO "expect" VALUES(0,0,'sessions-lost','random','sessions','no difference that matters','made up');
CREATE TABLE experiment (            -- facts about the whole file, e.g. ('format', '1'), ('homing', '0.1.0')
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "experiment" VALUES('format','1');
CREATE TABLE experiment_host (       -- not canonical: host, compiler, build, command line, started_utc
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE fault (
  run      INTEGER NOT NULL REFERENCES run(id),
  id       INTEGER NOT NULL,         -- 0, 1, ... in order of start
  node     INTEGER NOT NULL,         -- victim, or -1 when it is not one node
  kind     TEXT NOT NULL,            -- "crash", "drain"
  start_ns INTEGER NOT NULL,
  end_ns   INTEGER,                  -- NULL: still on at the horizon
  label    TEXT NOT NULL,            -- for the band: "n3 crash"
  PRIMARY KEY (run, id)
) WITHOUT ROWID;
INSERT INTO "fault" VALUES(0,0,1,'crash',240000000000,540000000000,'n2 crash');
INSERT INTO "fault" VALUES(1,0,1,'crash',240000000000,540000000000,'n2 crash');
INSERT INTO "fault" VALUES(2,0,1,'crash',240000000000,540000000000,'n2 crash');
INSERT INTO "fault" VALUES(3,0,1,'crash',240000000000,540000000000,'n2 crash');
CREATE TABLE metric (
  id          INTEGER PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,  -- "sessions-lost"
  label       TEXT NOT NULL,         -- "sessions lost"
  unit        TEXT NOT NULL,         -- "sessions", "user-minutes", "s", "1"
  better      TEXT NOT NULL CHECK (better IN ('lower', 'higher', 'neither')),
  margin      REAL NOT NULL,         -- smallest difference that matters, in `unit`
  headline    INTEGER NOT NULL,      -- 1: shown first; the rest on request
  description TEXT NOT NULL          -- one sentence; formula and example are in sim/METRICS.md
);
INSERT INTO "metric" VALUES(0,'sessions-lost','sessions lost','sessions','lower',1.0,1,'sessions whose process ended by anything but its owner, an idle rule or a planned stop');
INSERT INTO "metric" VALUES(1,'user-minutes-lost','user-minutes lost','user-minutes','lower',10.0,1,'time inside planned visits in which the session was cut, lost, or waited for beyond its kind''s patience');
INSERT INTO "metric" VALUES(2,'sign-in-wait-p95','sign-in wait, 95th percentile','s','lower',0.5,1,'from the first request of a visit until its session answers; waits still open at the horizon count as long as they are');
INSERT INTO "metric" VALUES(3,'felt-crowding','felt crowding of sessions','1','lower',0.02,1,'how much fuller than the average node the node of an average session is, beyond the best integer split');
CREATE TABLE node (                  -- machines of the scenario's cluster
  scenario   INTEGER NOT NULL REFERENCES scenario(id),
  id         INTEGER NOT NULL,       -- 0, 1, ...
  name       TEXT NOT NULL,          -- "n1", "n2", ...
  cores      INTEGER NOT NULL,
  memory_bytes INTEGER NOT NULL,
  labels     TEXT NOT NULL,          -- JSON array of strings, sorted
  router     INTEGER NOT NULL,       -- 1: users can reach a router here
  PRIMARY KEY (scenario, id)
) WITHOUT ROWID;
INSERT INTO "node" VALUES(0,0,'n1',4,8589934592,'[]',1);
INSERT INTO "node" VALUES(0,1,'n2',4,8589934592,'[]',1);
INSERT INTO "node" VALUES(0,2,'n3',4,8589934592,'[]',1);
CREATE TABLE run (
  id          INTEGER PRIMARY KEY,
  key         TEXT NOT NULL UNIQUE,  -- 32 hex digits: scenario hash, strategy, parameters, seed
  scenario    INTEGER NOT NULL REFERENCES scenario(id),
  strategy    INTEGER NOT NULL,
  seed        INTEGER NOT NULL,
  plan_hash   TEXT NOT NULL,         -- runs are paired only when these are equal
  paired      INTEGER NOT NULL,      -- 0: a fault's victim depended on state, so no pairing by seed
  fingerprint TEXT NOT NULL,         -- hash of the plan's hash and of every core's (instant, effect) stream
  horizon_ns  INTEGER NOT NULL,
  events      INTEGER NOT NULL,      -- events handled by the world
  decisions   INTEGER NOT NULL,      -- placements decided by the cores
  UNIQUE (scenario, strategy, seed)
);
INSERT INTO "run" VALUES(0,'a97200901f99b6db2e1e268fc3af268d',0,0,1,'7f512529bbfad2fb',1,'74b24cff5c81dbca',1200000000000,42639,0);
INSERT INTO "run" VALUES(1,'eceb2efcb799b6e06f5f7a1087331a6e',0,0,2,'9f69f04e7cfe459d',1,'ec374fda1c0a4600',1200000000000,42744,4);
INSERT INTO "run" VALUES(2,'4fb245ea3e7b2deef5a32c21a0e30701',0,1,1,'7f512529bbfad2fb',1,'74b24cff5c81dbca',1200000000000,42639,0);
INSERT INTO "run" VALUES(3,'932b7456d67b2df436e47fa26466fae2',0,1,2,'9f69f04e7cfe459d',1,'586fefb41608875d',1200000000000,42719,3);
CREATE TABLE run_host (              -- not canonical
  run         INTEGER PRIMARY KEY REFERENCES run(id),
  host        TEXT NOT NULL,
  started_utc TEXT NOT NULL,         -- ISO 8601
  wall_ms     INTEGER NOT NULL,
  cpu_ms      INTEGER NOT NULL,
  peak_bytes  INTEGER NOT NULL
);
INSERT INTO "run_host" VALUES(0,'','',7,6,9211904);
INSERT INTO "run_host" VALUES(1,'','',14,6,10784768);
INSERT INTO "run_host" VALUES(2,'','',8,6,10129408);
INSERT INTO "run_host" VALUES(3,'','',11,6,10784768);
CREATE TABLE scenario (
  id         INTEGER PRIMARY KEY,    -- 0, 1, ... in the order given
  name       TEXT NOT NULL UNIQUE,   -- the folder or file name without extension: "node-lost-at-peak"
  title      TEXT NOT NULL,          -- one sentence
  text       TEXT NOT NULL,          -- the scenario file, byte for byte
  hash       TEXT NOT NULL,          -- 32 hex digits over the contents of the file and of all it refers to
  start_ns   INTEGER NOT NULL,       -- the scenario's start as local time since Monday 00:00, for wall-clock axes
  horizon_ns INTEGER NOT NULL,       -- measured time
  warm_up_ns INTEGER NOT NULL,       -- discarded time before 0
  baseline   INTEGER NOT NULL        -- strategy.id that the others are compared with unless the reader chooses another
);
INSERT INTO "scenario" VALUES(0,'small','One of three nodes dies','format = 1
title = "One of three nodes dies"
start = "Mon 08:00"
horizon = "20 min"
warm-up = "20 min"
seeds = 2
[cluster]
nodes = [{ count = 3, cores = 4, memory = "8 GiB" }]
[[users]]
name = "all"
count = 10
day-shape = "flat"
sessions-per-active-day = 4
kinds = { jupyter = 1.0 }
[margins]
"felt-crowding" = 0.5
[[fault]]
at = "Mon 08:04"
kind = "crash"
target = ["n2"]
lasts = "5 min"
[[strategy]]
name = "sessions"
[[strategy]]
name = "random"
[[expect]]
metric = "sessions-lost"
strategy = "random"
than = "sessions"
verdict = "no difference that matters"
because = "made up"
','b692069279b7993d79cc518c28548c62',28800000000000,1200000000000,1200000000000,0);
CREATE TABLE scenario_margin (       -- margins that a scenario sets itself; they replace metric.margin
  scenario INTEGER NOT NULL REFERENCES scenario(id),
  metric   INTEGER NOT NULL REFERENCES metric(id),
  margin   REAL NOT NULL,
  PRIMARY KEY (scenario, metric)
) WITHOUT ROWID;
INSERT INTO "scenario_margin" VALUES(0,3,0.5);
CREATE TABLE series (
  run       INTEGER NOT NULL REFERENCES run(id),
  node      INTEGER NOT NULL,        -- node.id, or -1 for the whole cluster
  name      TEXT NOT NULL REFERENCES series_name(name),
  bucket_ns INTEGER NOT NULL,
  buckets   INTEGER NOT NULL CHECK (buckets BETWEEN 0 AND 2880),
  blob      BLOB NOT NULL,
  PRIMARY KEY (run, node, name),
  CHECK (length(blob) = 32 * buckets)
);
INSERT INTO "series" VALUES(0,1,'sessions',416666667,2,X'00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO "series" VALUES(2,1,'sessions',416666667,2,X'00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000');
CREATE TABLE series_name (
  name        TEXT PRIMARY KEY,      -- "sessions", "cpu-busy", "load-5", "memory", "users-down"
  unit        TEXT NOT NULL,
  description TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "series_name" VALUES('cpu-busy','cores','cores at work');
INSERT INTO "series_name" VALUES('load-5','1','load average over five minutes');
INSERT INTO "series_name" VALUES('memory','bytes','memory in use by sessions');
INSERT INTO "series_name" VALUES('sessions','sessions','sessions whose process runs on the node');
INSERT INTO "series_name" VALUES('users-down','users','users inside a planned visit whose session is down');
CREATE TABLE session_loss (
  run       INTEGER NOT NULL REFERENCES run(id),
  id        INTEGER NOT NULL,        -- 0, 1, ... in order of time
  at_ns     INTEGER NOT NULL,
  user      INTEGER NOT NULL,
  visit     INTEGER NOT NULL,
  node      INTEGER NOT NULL,
  kind      TEXT NOT NULL,           -- kind of session
  present   INTEGER NOT NULL,        -- 1: the owner was there
  cause     TEXT NOT NULL,           -- "node-crash", "out-of-memory", "fenced", ...
  back_ns   INTEGER,                 -- a replacement answered; NULL: not before the horizon or the visit's end
  PRIMARY KEY (run, id)
) WITHOUT ROWID;
INSERT INTO "session_loss" VALUES(1,0,240000000000,9,0,1,'jupyter',1,'node-crash',252728471322);
CREATE TABLE strategy (
  scenario   INTEGER NOT NULL REFERENCES scenario(id),
  id         INTEGER NOT NULL,       -- 0, 1, ... in the order of the scenario or command line
  name       TEXT NOT NULL,          -- the label: "bounded-25"
  base       TEXT NOT NULL,          -- the registered strategy: "user-hash-bounded"
  params     TEXT NOT NULL,          -- JSON object, keys sorted
  PRIMARY KEY (scenario, id)
) WITHOUT ROWID;
INSERT INTO "strategy" VALUES(0,0,'sessions','sessions','{}');
INSERT INTO "strategy" VALUES(0,1,'random','random','{}');
CREATE TABLE user_down (             -- intervals in which a planned visit was down for its user
  run     INTEGER NOT NULL REFERENCES run(id),
  id      INTEGER NOT NULL,
  user    INTEGER NOT NULL,
  visit   INTEGER NOT NULL,
  from_ns INTEGER NOT NULL,
  to_ns   INTEGER NOT NULL,
  cause   TEXT NOT NULL CHECK (cause IN ('cut', 'lost', 'waiting')),
  cut_by_horizon INTEGER NOT NULL,   -- 1: it went on beyond the horizon; counted up to it
  PRIMARY KEY (run, id)
) WITHOUT ROWID;
INSERT INTO "user_down" VALUES(1,0,9,0,240000000000,252724071322,'lost',0);
INSERT INTO "user_down" VALUES(1,1,9,0,252724071322,252728471322,'cut',0);
CREATE TABLE value (                 -- one number a run and metric; no row where the metric is undefined in that run
  run    INTEGER NOT NULL REFERENCES run(id),
  metric INTEGER NOT NULL REFERENCES metric(id),
  value  REAL NOT NULL,
  PRIMARY KEY (run, metric)
) WITHOUT ROWID;
INSERT INTO "value" VALUES(0,0,0.0);
INSERT INTO "value" VALUES(0,1,0.0);
INSERT INTO "value" VALUES(1,0,1.0);
INSERT INTO "value" VALUES(1,1,0.2121411887);
INSERT INTO "value" VALUES(1,2,2.952439869);
INSERT INTO "value" VALUES(1,3,4.28700642903582063159e-01);
INSERT INTO "value" VALUES(2,0,0.0);
INSERT INTO "value" VALUES(2,1,0.0);
INSERT INTO "value" VALUES(3,0,0.0);
INSERT INTO "value" VALUES(3,1,0.0);
INSERT INTO "value" VALUES(3,2,2.952439869);
INSERT INTO "value" VALUES(3,3,4.27217575211853661798e-01);
CREATE VIEW v_runs AS
  SELECT run.id AS run, scenario.name AS scenario, strategy.name AS strategy, strategy.base, run.seed, run.plan_hash,
         run.fingerprint, run.horizon_ns / 1e9 AS horizon_s, run.events, run.decisions
  FROM run JOIN scenario ON scenario.id = run.scenario
           JOIN strategy ON strategy.scenario = run.scenario AND strategy.id = run.strategy;
CREATE VIEW v_values AS
  SELECT v_runs.scenario, v_runs.strategy, v_runs.seed, metric.name AS metric, value.value, metric.unit, metric.better,
         coalesce(scenario_margin.margin, metric.margin) AS margin, value.run
  FROM value JOIN v_runs ON v_runs.run = value.run
             JOIN run ON run.id = value.run
             JOIN metric ON metric.id = value.metric
             LEFT JOIN scenario_margin ON scenario_margin.scenario = run.scenario AND scenario_margin.metric = metric.id;
CREATE VIEW v_faults AS
  SELECT fault.run, v_runs.scenario, v_runs.strategy, v_runs.seed, node.name AS node, fault.kind,
         fault.start_ns / 1e9 AS start_s, fault.end_ns / 1e9 AS end_s, fault.label
  FROM fault JOIN v_runs ON v_runs.run = fault.run
             JOIN run ON run.id = fault.run
             LEFT JOIN node ON node.scenario = run.scenario AND node.id = fault.node;
CREATE VIEW v_session_losses AS
  SELECT session_loss.run, v_runs.scenario, v_runs.strategy, v_runs.seed, session_loss.at_ns / 1e9 AS at_s,
         session_loss.user, node.name AS node, session_loss.kind, session_loss.present, session_loss.cause,
         (session_loss.back_ns - session_loss.at_ns) / 1e9 AS time_to_repair_s
  FROM session_loss JOIN v_runs ON v_runs.run = session_loss.run
                    JOIN run ON run.id = session_loss.run
                    LEFT JOIN node ON node.scenario = run.scenario AND node.id = session_loss.node;
CREATE VIEW v_user_downs AS
  SELECT user_down.run, v_runs.scenario, v_runs.strategy, v_runs.seed, user_down.user, user_down.from_ns / 1e9 AS from_s,
         user_down.to_ns / 1e9 AS to_s, (user_down.to_ns - user_down.from_ns) / 6e10 AS down_min, user_down.cause
  FROM user_down JOIN v_runs ON v_runs.run = user_down.run;
CREATE VIEW v_series AS
  SELECT series.run, v_runs.scenario, v_runs.strategy, v_runs.seed, node.name AS node, series.name, series_name.unit,
         series.bucket_ns / 1e9 AS bucket_s, series.buckets
  FROM series JOIN v_runs ON v_runs.run = series.run
              JOIN run ON run.id = series.run
              JOIN series_name ON series_name.name = series.name
              LEFT JOIN node ON node.scenario = run.scenario AND node.id = series.node;
COMMIT;
