-- SPDX-License-Identifier: Apache-2.0
--
-- Schema of a result file, version 2: one SQLite database per experiment (scenarios x strategies x seeds).
--
-- Rules of the file
--   * PRAGMA user_version is the schema version. Readers refuse a newer one and read every older one.
--     1 -> 2: metric.exported, v_values.exported; more metrics and series.
--   * PRAGMA application_id is 0x484d4e47 ("HMNG"): a database without it is not a result file.
--   * A run is committed in one transaction when it has finished; an unfinished run leaves no row at all.
--   * run.id is the position of the run in the experiment (scenario, strategy, seed), not the order of commits: the same
--     experiment run with 1 job or with 20 gives equal rows.
--   * Everything that depends on the machine or the hour is in `experiment_host` and `run_host` and nowhere else;
--     `homing-sim dump --canonical` leaves these two out. Two results are equal when their canonical dumps are equal.
--   * Verdicts are computed from `value` by the reader (sim/verdict.h), never stored.
--   * Instants are integer nanoseconds of simulated time; 0 is the scenario's `start`, the warm-up lies before it.
--   * Units are in the column names, in `metric.unit` and in `series_name.unit`. The views (v_...) are for people and
--     spreadsheets: names instead of ids, seconds and minutes instead of nanoseconds.

PRAGMA application_id = 1213025863;
PRAGMA user_version = 2;

CREATE TABLE experiment (            -- facts about the whole file, e.g. ('format', '1'), ('homing', '0.1.0')
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE experiment_host (       -- not canonical: host, compiler, build, command line, started_utc
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

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

CREATE TABLE strategy (
  scenario   INTEGER NOT NULL REFERENCES scenario(id),
  id         INTEGER NOT NULL,       -- 0, 1, ... in the order of the scenario or command line
  name       TEXT NOT NULL,          -- the label: "bounded-25"
  base       TEXT NOT NULL,          -- the registered strategy: "user-hash-bounded"
  params     TEXT NOT NULL,          -- JSON object, keys sorted
  PRIMARY KEY (scenario, id)
) WITHOUT ROWID;

CREATE TABLE metric (
  id          INTEGER PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,  -- "sessions-lost"
  label       TEXT NOT NULL,         -- "sessions lost"
  unit        TEXT NOT NULL,         -- "sessions", "user-minutes", "s", "1"
  better      TEXT NOT NULL CHECK (better IN ('lower', 'higher', 'neither')),
  margin      REAL NOT NULL,         -- smallest difference that matters, in `unit`
  headline    INTEGER NOT NULL,      -- 1: shown first; the rest on request
  description TEXT NOT NULL,         -- one sentence; formula and example are in sim/METRICS.md
  exported    TEXT NOT NULL          -- what a router's /metrics calls the same: "homing_sessions_lost_total"; '' if it has none
);

CREATE TABLE scenario_margin (       -- margins that a scenario sets itself; they replace metric.margin
  scenario INTEGER NOT NULL REFERENCES scenario(id),
  metric   INTEGER NOT NULL REFERENCES metric(id),
  margin   REAL NOT NULL,
  PRIMARY KEY (scenario, metric)
) WITHOUT ROWID;

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

CREATE TABLE run_host (              -- not canonical
  run         INTEGER PRIMARY KEY REFERENCES run(id),
  host        TEXT NOT NULL,
  started_utc TEXT NOT NULL,         -- ISO 8601
  wall_ms     INTEGER NOT NULL,
  cpu_ms      INTEGER NOT NULL,
  peak_bytes  INTEGER NOT NULL
);

CREATE TABLE value (                 -- one number a run and metric; no row where the metric is undefined in that run
  run    INTEGER NOT NULL REFERENCES run(id),
  metric INTEGER NOT NULL REFERENCES metric(id),
  value  REAL NOT NULL,
  PRIMARY KEY (run, metric)
) WITHOUT ROWID;

CREATE TABLE series_name (
  name        TEXT PRIMARY KEY,      -- "sessions", "cpu-busy", "load-5", "memory", "users-down"
  unit        TEXT NOT NULL,
  description TEXT NOT NULL
) WITHOUT ROWID;

-- Time series of the first seed of each (scenario, strategy), all seeds when the scenario says record = "all".
-- blob: `buckets` (2,880 at most; fewer a node beyond 100 nodes) records of 32 bytes, each four IEEE 754 binary64 numbers, little-endian: min, mean, max, last.
-- Bucket i covers [i * bucket_ns, (i + 1) * bucket_ns); the last one may be cut by the horizon. `mean` is weighted by time.
-- A bucket without an observation (the node was down) holds four quiet NaNs: missing is not zero. At most 2,880 buckets.
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

CREATE VIEW v_runs AS
  SELECT run.id AS run, scenario.name AS scenario, strategy.name AS strategy, strategy.base, run.seed, run.plan_hash,
         run.fingerprint, run.horizon_ns / 1e9 AS horizon_s, run.events, run.decisions
  FROM run JOIN scenario ON scenario.id = run.scenario
           JOIN strategy ON strategy.scenario = run.scenario AND strategy.id = run.strategy;

CREATE VIEW v_values AS
  SELECT v_runs.scenario, v_runs.strategy, v_runs.seed, metric.name AS metric, value.value, metric.unit, metric.better,
         coalesce(scenario_margin.margin, metric.margin) AS margin, metric.exported, value.run
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
  SELECT user_down.run, v_runs.scenario, v_runs.strategy, v_runs.seed, user_down.user, user_down.visit,
         user_down.from_ns / 1e9 AS from_s, user_down.to_ns / 1e9 AS to_s,
         (user_down.to_ns - user_down.from_ns) / 6e10 AS down_min, user_down.cause, user_down.cut_by_horizon
  FROM user_down JOIN v_runs ON v_runs.run = user_down.run;

CREATE VIEW v_series AS
  SELECT series.run, v_runs.scenario, v_runs.strategy, v_runs.seed, node.name AS node, series.name, series_name.unit,
         series.bucket_ns / 1e9 AS bucket_s, series.buckets
  FROM series JOIN v_runs ON v_runs.run = series.run
              JOIN run ON run.id = series.run
              JOIN series_name ON series_name.name = series.name
              LEFT JOIN node ON node.scenario = run.scenario AND node.id = series.node;
