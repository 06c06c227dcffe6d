"""What `Pulumi.<stack>.yaml` may say, block by block: names, units, defaults and limits.

Sizes are whole MB (1024 * 1024 bytes), durations whole seconds unless a field says otherwise. A field's docstring is
its description in the JSON Schema and in docs/configuration.md. What ties several fields together is in
`settings.rules`.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from settings.limits import LIMITS, PolicyLimit
from settings.units import GB, MB, TB
from settings.values import (
    AccountId,
    Address,
    AwsRegion,
    BackupLabel,
    Bucket,
    DockerAddress,
    Email,
    Expression,
    FileSet,
    HostName,
    Identifier,
    ImageReference,
    KmsKey,
    LocalPath,
    Megabytes,
    Milliseconds,
    Moment,
    ParameterName,
    ParameterValue,
    Port,
    PublishedPort,
    Region,
    Registry,
    RepositoryPath,
    Schedule,
    Seconds,
    SecretName,
    ServerPort,
    StateBackend,
    Subnet,
    TimeZone,
    UserName,
    VolumeNumber,
    Zone,
    ZoneId,
)

Environment = Literal["dev", "staging", "prod"]
LogLevel = Literal["debug", "info", "warning", "error"]

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

WEEK_DAYS: Final = 7

OWN_BUCKET: Final = "backups"
"""The bucket of the stack's own object store that backups go to."""


class Block(BaseModel):
    """A block of settings: frozen, no unknown keys, no conversions between types."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


# Limits of a container

# The upper bounds are the policies'.
_MOST_MEMORY: Final = PolicyLimit("DKR-MEM", "maxMb")
_MEMORY: Final = "Memory that the container may use at most; it gets no swap on top."
Cpus = Annotated[
    float,
    Field(ge=0.1, le=LIMITS.max_cpus, description="CPUs that the container may use at most."),
    PolicyLimit("DKR-CPU", "maxCpus"),
]
# The lower bounds are some 1.3 times what a container without work was measured to use: 7 MB for nginx, 3 for the
# dashboard, 6 for NATS and the backups, 15 for the object store, 73 for the api and the worker.
Memory = Annotated[Megabytes, Field(ge=32 * MB, le=LIMITS.max_memory, description=_MEMORY), _MOST_MEMORY]
AppMemory = Annotated[Megabytes, Field(ge=96 * MB, le=LIMITS.max_memory, description=_MEMORY), _MOST_MEMORY]
# 50 MB with few connections, and as much for a drill's or a restore's own.
PostgresMemory = Annotated[Megabytes, Field(ge=96 * MB, le=LIMITS.max_memory, description=_MEMORY), _MOST_MEMORY]
Reservation = Annotated[
    Megabytes,
    Field(
        ge=8 * MB,
        le=LIMITS.max_memory,
        description="Memory that Docker tries to leave to the container when the host runs short.",
    ),
    _MOST_MEMORY,
]


Pids = Annotated[
    int,
    Field(
        ge=64,
        le=32_768,
        description="Processes and threads that the container may have at most.",
    ),
]


class Resources(Block):
    """What a container may take of its host."""

    cpus: Cpus
    memory: Memory
    memory_reservation: Reservation
    # The containers have 3 to 12 without work. The limit is for what goes wrong, and Linux numbers some 32,000
    # processes of a host by default on 2 CPUs (kernel.pid_max).
    pids: Pids = 1024


class PostgresResources(Resources):
    """What the postgres container may take of its host."""

    cpus: Cpus = 2.0
    memory: PostgresMemory = 2 * GB
    memory_reservation: Reservation = 512 * MB


class NatsResources(Resources):
    """What the nats container may take of its host."""

    cpus: Cpus = 0.5
    memory: Memory = 512 * MB
    memory_reservation: Reservation = 64 * MB


class ApiResources(Resources):
    """What an api container may take of its host."""

    cpus: Cpus = 1.0
    memory: AppMemory = 1 * GB
    memory_reservation: Reservation = 256 * MB


class WorkerResources(Resources):
    """What a worker container may take of its host."""

    cpus: Cpus = 2.0
    memory: AppMemory = 2 * GB
    memory_reservation: Reservation = 512 * MB


class DashboardResources(Resources):
    """What a dashboard container may take of its host."""

    cpus: Cpus = 0.5
    memory: Memory = 512 * MB
    memory_reservation: Reservation = 128 * MB


class BackupResources(Resources):
    """What the backups container may take of its host."""

    # zstd and AES at 1 CPU do some 100 MB/s; a process of pgBackRest takes 20 to 40 MB.
    cpus: Cpus = 1.0
    memory: Memory = 256 * MB
    memory_reservation: Reservation = 64 * MB


class DrillResources(Resources):
    """What the drills container may take of its host."""

    # It restores, then runs a PostgreSQL of its own.
    cpus: Cpus = 1.0
    memory: PostgresMemory = 512 * MB
    memory_reservation: Reservation = 64 * MB


class FileBackupResources(Resources):
    """What the container of the files' backups may take of its host."""

    # restic took 200 MB for 170 MB of files; its index is in memory, 1 GB for some 10 million files.
    cpus: Cpus = 1.0
    memory: Memory = 512 * MB
    memory_reservation: Reservation = 64 * MB


class ObjectStoreResources(Resources):
    """What the object store's container may take of its host."""

    # A backup at half a CPU came to 30 MB/s, for TLS and the checks of what is stored.
    cpus: Cpus = 1.0
    memory: Memory = 256 * MB
    memory_reservation: Reservation = 64 * MB


class NginxResources(Resources):
    """What the nginx container may take of its host."""

    cpus: Cpus = 0.5
    memory: Memory = 256 * MB
    memory_reservation: Reservation = 64 * MB


class CloudflaredResources(Resources):
    """What a cloudflared container may take of its host."""

    # It holds four connections to Cloudflare and copies; 30 MB when idle.
    cpus: Cpus = 0.5
    memory: Memory = 256 * MB
    memory_reservation: Reservation = 64 * MB


class RedisResources(Resources):
    """What the redis container may take of its host."""

    cpus: Cpus = 0.5
    memory: Memory = 256 * MB
    memory_reservation: Reservation = 64 * MB


# Blocks


class ImageSettings(Block):
    """The images that the stack runs. dev has the ones built from `images/`; elsewhere each is required, with a
    digest."""

    postgres: ImageReference
    """PostgreSQL 17 with pgvector."""
    nats: ImageReference
    """NATS server with JetStream."""
    api: ImageReference
    """The api and its migrations."""
    worker: ImageReference
    """The worker; normally the image of the api."""
    dashboard: ImageReference
    """The dashboard's static files and the server for them."""
    nginx: ImageReference
    """The reverse proxy in front."""
    object_store: ImageReference
    """The S3 service for backups."""
    file_backups: ImageReference
    """What backs up files and NATS' streams."""
    redis: ImageReference | None = None
    """The Redis server; required with `redis`, and in dev the one built here."""
    cloudflared: ImageReference | None = None
    """The tunnel's end on the host; required with a tunnel."""


IMAGES: Final[Mapping[str, str]] = {
    "postgres": "postgres",
    "nats": "nats",
    "api": "app",
    "worker": "app",
    "dashboard": "dashboard",
    "nginx": "nginx",
    "object_store": "object_store",
    "file_backups": "file_backups",
    "redis": "redis",
    "cloudflared": "cloudflared",
}
"""The image from `images/` that each service runs, by its name there; api and worker are two commands of one."""

OPTIONAL_SERVICES: Final[Mapping[str, str]] = {"redis": "redis", "cloudflared": "tunnel"}
"""The services that a stack has only with a block of its config, with the name of that."""

LOCAL_IMAGES: Final[Mapping[str, str]] = {k: v for k, v in IMAGES.items() if k != "cloudflared"}
"""Those that dev has without being told: it has no tunnel."""


class NetworkSettings(Block):
    """The subnets of the stack's Docker networks. Stacks on one host need different ones."""

    edge: Subnet = IPv4Network("172.20.0.0/24")
    """nginx, dashboard, api and the tunnel."""
    data: Subnet = IPv4Network("172.20.1.0/24")
    """api, worker, postgres and nats; no way out of the host."""
    egress: Subnet = IPv4Network("172.20.2.0/24")
    """What has to call out of the host: api, worker and the tunnel."""
    monitoring: Subnet = IPv4Network("172.20.3.0/24")
    """Kept for monitoring; no way out of the host."""
    debug: Subnet = IPv4Network("172.20.4.0/24")
    """postgres and nats where they have a debug port; made only then."""


class PostgresTuning(Block):
    """Parameters of PostgreSQL, by PostgreSQL's own names."""

    max_connections: Annotated[int, Field(ge=10, le=10_000)] = 200
    """Connections that clients may hold at once."""
    shared_buffers: Annotated[Megabytes, Field(ge=1 * MB, le=1 * TB)] = 256 * MB
    """PostgreSQL's own cache; at most 40 % of the container's memory."""
    effective_cache_size: Annotated[Megabytes, Field(ge=1 * MB, le=4 * TB)] = 1 * GB
    """What the planner takes the file cache to hold; reserves nothing."""
    work_mem: Annotated[Megabytes, Field(ge=1 * MB, le=1 * TB)] = 4 * MB
    """Memory of one sort or hash before it goes to disk; a query may use it several times."""
    maintenance_work_mem: Annotated[Megabytes, Field(ge=1 * MB, le=1 * TB)] = 64 * MB
    """Memory of one VACUUM or CREATE INDEX."""
    log_min_duration_statement: Annotated[Milliseconds, Field(ge=0, le=DAY * 1000)] = 1000
    """Statements that take longer are logged; 0ms logs all."""
    log_connections: bool = True
    """Log each connection."""
    log_disconnections: bool = True
    """Log the end of each session, with its duration."""
    log_lock_waits: bool = True
    """Log waits for a lock that are longer than deadlock_timeout."""
    log_checkpoints: bool = True
    """Log checkpoints."""
    parameters: dict[ParameterName, ParameterValue] = {}
    """Further parameters, by PostgreSQL's name in lower case."""


StartTimeout = Annotated[
    Seconds,
    Field(
        ge=5,
        le=HOUR,
        description="Time that the container gets to become healthy before `up` fails and shows the end of its log.",
    ),
]


class RestoreSettings(Block):
    """A data volume that is made from backups: of PostgreSQL as it was at one time, or at the end of one backup. While
    the block is there the job `restore` makes the volume, once. PostgreSQL runs on undisturbed, or starts when it is
    done where the volume is the one in use: so a new host begins from the backups of another."""

    volume: VolumeNumber
    """Number of the volume. One that holds a database already is left as it is, and the job fails."""
    to: Moment | None = None
    """Time that the database is taken back to, or latest: all that is in the repository."""
    set: BackupLabel | None = None
    """Backup that the database is taken back to the end of, in place of a time."""
    # 100 MB/s make 2 TB in this time, and WAL is replayed on top.
    timeout: Annotated[Seconds, Field(ge=1 * MINUTE, le=7 * DAY)] = 6 * HOUR
    """Time that the job may take."""


class PostgresSettings(Block):
    """The stack's PostgreSQL."""

    resources: PostgresResources = PostgresResources()
    """What the container may take of its host."""
    # Recovery after a crash replays the WAL first.
    start_timeout: StartTimeout = 5 * MINUTE
    database: Identifier = "tasktracker"
    """Name of the database."""
    user: Identifier = "tasktracker"
    """Name of the role that the app logs in with; it owns the database and is no superuser."""
    tuning: PostgresTuning = PostgresTuning()
    """Parameters of PostgreSQL."""
    shm_size: Annotated[Megabytes, Field(ge=64 * MB, le=1 * TB)] = 256 * MB
    """Size of /dev/shm, which parallel queries need; counts as the container's memory when used."""
    debug_port: Port | None = None
    """Port on 127.0.0.1 of the host that leads to PostgreSQL; dev only."""
    volume: VolumeNumber = 1
    """Number of the data volume in use. Number 1 is the Docker volume postgres-data, number 2 postgres-data-2."""
    kept_volumes: list[VolumeNumber] = []
    """Numbers of the data volumes that were in use before a restore and are kept. Each is protected: to have one
    deleted, first pulumi state unprotect it, then remove its number."""
    restore: RestoreSettings | None = None
    """A data volume that is made from backups."""


class NatsSettings(Block):
    """The stack's NATS server."""

    resources: NatsResources = NatsResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE
    max_memory_store: Annotated[Megabytes, Field(ge=1 * MB, le=1 * TB)] = 128 * MB
    """What JetStream's memory streams may hold; at most half of the container's memory."""
    max_file_store: Annotated[Megabytes, Field(ge=1 * MB, le=64 * TB)] = 1 * GB
    """What JetStream's file streams may hold on the data volume."""
    # NATS refuses more than 64 MB and advises against more than 8 MB.
    max_payload: Annotated[Megabytes, Field(ge=1 * MB, le=64 * MB)] = 1 * MB
    """Size of the largest message."""
    max_connections: Annotated[int, Field(ge=10, le=65_536)] = 1000
    """Connections that clients may hold at once."""
    debug_port: Port | None = None
    """Port on 127.0.0.1 of the host that leads to NATS clients' port; dev only."""
    debug_monitor_port: Port | None = None
    """Port on 127.0.0.1 of the host that leads to NATS' monitoring page; dev only."""


class ApiSettings(Block):
    """The HTTP API."""

    resources: ApiResources = ApiResources()
    """What a container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE
    log_level: LogLevel = "info"
    """The least severe messages that are logged."""


class WorkerSettings(Block):
    """The worker that processes the tasks."""

    resources: WorkerResources = WorkerResources()
    """What a container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE
    log_level: LogLevel = "info"
    """The least severe messages that are logged."""
    stop_timeout: Annotated[Seconds, Field(ge=1, le=HOUR)] = 30
    """Time that a worker gets to finish what it has before it is killed."""


class DashboardSettings(Block):
    """The dashboard's static files."""

    resources: DashboardResources = DashboardResources()
    """What a container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE


class PublishSettings(Block):
    """Where the host takes requests for nginx."""

    address: Address = IPv4Address("127.0.0.1")
    """Address of the host that nginx listens on."""
    port: PublishedPort = 8080
    """Port for HTTP; with TLS it redirects to HTTPS."""
    tls_port: PublishedPort = 8443
    """Port for HTTPS; used with TLS only."""


class RateLimit(Block):
    """How many requests one client address may make."""

    requests_per_second: Annotated[int, Field(ge=1, le=100_000)] = 50
    """Requests a second, on average."""
    burst: Annotated[int, Field(ge=0, le=100_000)] = 100
    """Requests above the rate that are served at once before nginx answers 429."""


class NginxSettings(Block):
    """The reverse proxy, the one service that is published."""

    resources: NginxResources = NginxResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE
    publish: PublishSettings = PublishSettings()
    """Where the host takes requests."""
    tls: bool = False
    """Serve HTTPS."""
    certificate: Literal["secrets", "cloudflare"] = "secrets"
    """Where the certificate for HTTPS comes from: the secrets tls_certificate and tls_key, or Cloudflare's Origin CA,
    by cloudflare_api_token. Cloudflare's proxy and tunnels trust the latter, and no browser does."""
    real_ip: Literal["none", "cloudflare"] = "none"
    """Who may say, in the header CF-Connecting-IP, which client a request is from: nobody, or the addresses that
    Cloudflare publishes as its own, for a domain that Cloudflare's proxy stands in front of."""
    client_max_body_size: Annotated[Megabytes, Field(ge=1 * MB, le=100 * GB)] = 10 * MB
    """Size of the largest request body."""
    hosts: list[HostName] = []
    """Host names and addresses that requests may be for, beside the domain, those of the tunnel, and the address that
    nginx is published at (with localhost for 127.0.0.1). Other requests get 421."""
    any_host: bool = False
    """Answer requests for any host, and WebSockets from any page, as for a name that no one knows before."""
    rate_limit: RateLimit = RateLimit()
    """How many requests one client address may make."""
    websocket_timeout: Annotated[Seconds, Field(ge=1 * MINUTE, le=30 * DAY)] = 24 * HOUR
    """How long a WebSocket may stay silent before nginx closes it."""


class BackupSchedule(Block):
    """When backups are taken, beside the WAL, which is archived as it is written."""

    full: Schedule = "0 2 * * 0"
    """Full backups: every database file."""
    differential: Schedule = "0 2 * * 1-6"
    """Differential backups: what has changed since the last full one."""
    time_zone: TimeZone = "UTC"
    """Time zone of the schedule."""


class BackupRetention(Block):
    """What the repository keeps. A full backup goes, with its differentials and its WAL, when neither of the two wants
    it."""

    full: Annotated[int, Field(ge=1, le=1000)] = 2
    """Full backups without errors that are kept at least."""
    days: Annotated[int, Field(ge=1, le=3650)] = 7
    """Days that a restore can go back to at least, once there are backups as old."""


class S3Repository(Block):
    """A bucket outside the stack. Its keys are the secrets s3_access_key and s3_secret_key, and the certificate of a
    private authority that its server has to be checked with is s3_ca_certificate. What only reads, restores and drills,
    has the secrets s3_reader_access_key and s3_reader_secret_key where they are set."""

    bucket: Bucket
    """Name of the bucket."""
    endpoint: HostName
    """Host of the S3 service, such as s3.eu-central-1.amazonaws.com."""
    port: ServerPort = 443
    """Port of the S3 service, for HTTPS."""
    region: Region
    """Region of the bucket."""
    path: RepositoryPath = "/"
    """Folder of the bucket that holds the repository; each stack has one of its own."""
    uri_style: Literal["host", "path"] = "host"
    """Whether the bucket is in the host's name, as with AWS, or in the path, as with most others."""


class AwsBucketSettings(Block):
    """A bucket in AWS S3 that the program makes, protects and never empties, with two keys for it alone: one that
    writes backups, and one that only reads them."""

    region: AwsRegion
    """Region of the bucket."""
    bucket: Bucket | None = None
    """Name of the bucket; without one it is tasktracker-STACK-backups-ACCOUNT, with the number of the AWS account."""
    noncurrent_days: Annotated[int, Field(ge=LIMITS.noncurrent_days, le=3650)] = 30
    """Days for which what was deleted or overwritten, by mistake or with a stolen key, can be had back. Expired
    backups are kept, and paid for, as long."""
    object_lock_days: Annotated[int, Field(ge=LIMITS.object_lock_days, le=3650)] | None = None
    """Days for which S3 itself refuses to delete what was written, unless somebody may bypass its governance mode; prod
    only, where it can be changed but not be switched off. Without it, as long as a restore may need what was written:
    retention.days and a week, or retention.full weeks if that is longer. Set it where full backups are rarer than
    weekly."""
    log_bucket: Bucket | None = None
    """Name of the bucket, made by the program, for the access log: who listed, read, wrote or deleted what, and when.
    Without one it is the bucket's with -logs at its end."""
    log_days: Annotated[int, Field(ge=LIMITS.noncurrent_days, le=3650)] = 90
    """Days for which the access log is kept."""
    kms_key: KmsKey | None = None
    """Key of AWS KMS, in the bucket's region, that S3 encrypts with on top of the backups' own encryption. Its policy
    has to let the account's IAM policies say who uses it. Without one S3 uses keys of its own (AES256)."""


class DrillSettings(Block):
    """Drills: the latest backup is restored beside PostgreSQL, checked and thrown away, to prove that it can be."""

    enabled: bool = True
    """Take drills, where there are backups."""
    schedule: Schedule = "0 4 * * 0"
    """When drills are taken, in backup.schedule.time_zone."""
    # A week between two drills, and a day for one that the host slept through.
    max_age: Annotated[Seconds, Field(ge=1 * HOUR, le=366 * DAY)] = 8 * DAY
    """Age of the last drill at which the container is unhealthy. One that is due by then is taken at once."""
    resources: DrillResources = DrillResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE


class FileRestoreSettings(Block):
    """Sets of files that are brought back. While the block is there the job `file-restore` does it, once. What is
    there now is saved as sets of its own first."""

    uploads: FileSet | None = None
    """Set that the uploads are restored from. Files that came since stay."""
    nats: FileSet | None = None
    """Set that NATS' streams are restored from, messages and consumers. Streams that came since stay."""
    timeout: Annotated[Seconds, Field(ge=1 * MINUTE, le=7 * DAY)] = 6 * HOUR
    """Time that the job may take."""


class FileBackupSettings(Block):
    """Backups of the uploads and of NATS' streams, to the repository of PostgreSQL's, encrypted with the same
    passphrase. Sets stay for backup.retention.days."""

    enabled: bool = True
    """Take them, where there are backups."""
    # Only what has changed is read and sent, and a queue's messages are of use for hours, not for days.
    schedule: Schedule = "0 * * * *"
    """When they are taken, in backup.schedule.time_zone."""
    # Three of the schedule.
    max_age: Annotated[Seconds, Field(ge=10 * MINUTE, le=90 * DAY)] = 3 * HOUR
    """Age of the last good one at which the container is unhealthy. One that is due by then is taken at once."""
    restore: FileRestoreSettings | None = None
    """What is brought back."""
    resources: FileBackupResources = FileBackupResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 5 * MINUTE


class BackupSettings(Block):
    """Backups of the stack's PostgreSQL: scheduled ones and the WAL between them, encrypted, in an S3 repository."""

    enabled: bool = True
    """Archive the WAL and take backups."""
    repository: Literal["object_store", "s3", "aws"] = "object_store"
    """Where backups go: the stack's own object store, the bucket of backup.s3, or a bucket in AWS that the program
    makes as backup.aws says. For that it takes the credentials that the AWS CLI would (AWS_PROFILE, AWS_ACCESS_KEY_ID,
    a role of the host)."""
    s3: S3Repository | None = None
    """The bucket outside the stack."""
    aws: AwsBucketSettings | None = None
    """The bucket in AWS that the program makes."""
    schedule: BackupSchedule = BackupSchedule()
    """When backups are taken."""
    retention: BackupRetention = BackupRetention()
    """What is kept."""
    archive_timeout: Annotated[Seconds, Field(ge=10, le=HOUR)] = 1 * MINUTE
    """Time after which WAL is archived though its segment isn't full: what the loss of the host can cost."""
    max_wal_age: Annotated[Seconds, Field(ge=1 * MINUTE, le=DAY)] = 5 * MINUTE
    """Time that WAL may wait for the archive before the container is unhealthy."""
    # A day between two backups, and two hours for one to be taken.
    max_backup_age: Annotated[Seconds, Field(ge=1 * HOUR, le=90 * DAY)] = 26 * HOUR
    """Age of the last backup at which the container is unhealthy. A backup that is due by then is taken at once, such
    as after a night with the host switched off."""
    processes: Annotated[int, Field(ge=1, le=64)] = 2
    """Files that are compressed and sent at the same time."""
    resources: BackupResources = BackupResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 5 * MINUTE
    drill: DrillSettings = DrillSettings()
    """Restores that are tried out."""
    files: FileBackupSettings = FileBackupSettings()
    """Backups of the uploads and of NATS' streams."""

    @property
    def needed_days(self) -> int:
        """How old what a restore needs can be, with a full backup every week.

        A full backup goes when a newer one is old enough, and `retention.full` newer ones are there.
        """
        return max(self.retention.days + WEEK_DAYS, self.retention.full * WEEK_DAYS)


class ObjectStoreSettings(Block):
    """The stack's own S3 service, which keeps the backups where no bucket outside the stack does, and objects of the
    app where that is asked for."""

    app_bucket: Bucket | None = None
    """Bucket of the app's own, with an account for it alone. api and worker find where it is in OBJECT_STORE_URL,
    OBJECT_STORE_BUCKET and OBJECT_STORE_REGION, and the files of key and certificate in OBJECT_STORE_ACCESS_KEY_FILE,
    OBJECT_STORE_SECRET_KEY_FILE and OBJECT_STORE_CA_FILE. No backup holds what is in it."""
    resources: ObjectStoreResources = ObjectStoreResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE


class RedisSettings(Block):
    """Redis, for an app that wants a cache: nothing of it is on a disk or in a backup. api and worker find its address,
    password included, in the file that REDIS_URL_FILE names."""

    max_memory: Annotated[Megabytes, Field(ge=1 * MB, le=4 * TB)] = 160 * MB
    """Memory for keys and values."""
    eviction: Literal["allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-ttl", "noeviction"] = "allkeys-lru"
    """What goes when that is full, in Redis' own words; with noeviction writes fail instead."""
    resources: RedisResources = RedisResources()
    """What the container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE


class AdministratorSettings(Block):
    """Host names for administrators: they lead to nginx too, and Cloudflare Access lets only these people pass."""

    hostnames: list[HostName]
    """The host names."""
    emails: list[Email]
    """The people, each by the e-mail address that Access asks for and sends a code to."""


class TunnelSettings(Block):
    """A Cloudflare Tunnel: requests come from Cloudflare through connections that the host makes, and nothing on the
    host is published. Its secret is cloudflare_api_token."""

    account_id: AccountId
    """The Cloudflare account that the tunnel belongs to."""
    zone_id: ZoneId
    """The zone that the host names are in."""
    zone: Zone
    """The zone's own name, such as example.com: without it Cloudflare would take a host name of another zone for one
    below this zone."""
    hostnames: list[HostName] = []
    """Host names that lead to nginx; the domain alone if there are none."""
    administrators: AdministratorSettings | None = None
    """Host names for administrators only."""
    replicas: Annotated[int, Field(ge=1, le=2)] = 2
    """Containers of the tunnel on the host. With two, one serves while the other one is replaced."""
    resources: CloudflaredResources = CloudflaredResources()
    """What each container may take of its host."""
    start_timeout: StartTimeout = 2 * MINUTE


class DockerHostSettings(Block):
    """The Docker host that the stack runs on, for staging and prod. Without it, it is that of DOCKER_HOST, or this
    machine. The host's SSH key is always checked, and so is its certificate."""

    address: DockerAddress
    """Where its Docker answers. By SSH, the user needs the right to use Docker there; a path behind the host is that of
    Docker's socket."""
    key_file: LocalPath | None = None
    """The SSH key that lets this machine in. Without one it is the SSH agent's, or what ~/.ssh/config says."""
    known_hosts_file: LocalPath | None = None
    """The one file that has the host's SSH key. Without one it is ~/.ssh/known_hosts, or that of the whole machine."""
    certificates: LocalPath | None = None
    """The folder with ca.pem, cert.pem and key.pem, as Docker's own client has them in DOCKER_CERT_PATH. Required with
    tcp://."""


class RegistrySettings(Block):
    """How the Docker host logs in to a registry, to pull images."""

    username: UserName
    """The user's name."""
    password: SecretName = "registry_password"  # noqa: S105 - a name
    """The name of the config secret that holds the password, or the token."""


class AppSecret(Block):
    """What is asked of one secret of the app."""

    min_bytes: Annotated[int, Field(ge=1, le=65_536)] = 1
    """Bytes that the value must have at least."""
    pattern: Expression | None = None
    """Regular expression that the whole value must match."""


class StackConfig(Block):
    """Everything that `Pulumi.<stack>.yaml` may hold for this project, but for secrets."""

    environment: Environment
    """What the stack is for; staging and prod refuse what is fine in dev."""
    domain: HostName = "localhost"
    """Host name that users type."""
    images: ImageSettings
    """The images that the stack runs."""
    docker_host: DockerHostSettings | None = None
    """The Docker host that the stack runs on."""
    registries: dict[Registry, RegistrySettings] = {}
    """The registries that want a login, by their addresses."""
    network: NetworkSettings = NetworkSettings()
    """The subnets of the stack's networks."""
    postgres: PostgresSettings = PostgresSettings()
    """PostgreSQL."""
    nats: NatsSettings = NatsSettings()
    """NATS."""
    api: ApiSettings = ApiSettings()
    """The HTTP API."""
    worker: WorkerSettings = WorkerSettings()
    """The worker."""
    dashboard: DashboardSettings = DashboardSettings()
    """The dashboard."""
    nginx: NginxSettings = NginxSettings()
    """The reverse proxy."""
    backup: BackupSettings = BackupSettings()
    """Backups of PostgreSQL."""
    object_store: ObjectStoreSettings = ObjectStoreSettings()
    """The S3 service for backups."""
    redis: RedisSettings | None = None
    """A cache for the app."""
    tunnel: TunnelSettings | None = None
    """The way in through Cloudflare, in place of a published port."""
    app_secrets: dict[SecretName, AppSecret] = {}
    """Further secrets of the app, by the name of the config secret that holds each. api and worker find the secret
    some_name in the file /etc/tasktracker/some-name, and that path in the variable SOME_NAME_FILE."""
    state_backend: StateBackend | None = None
    """Where the stack's state is; in the folder .state if nothing is said. Written by make state, which moves it."""


class Settings(StackConfig):
    """The validated settings of a stack: its config, and the names of the secrets that came with it.

    Values of secrets are not here: components ask `pulumi.Config().require_secret(name)` for them.
    """

    secrets: frozenset[str] = frozenset()
    """Names of the config secrets that are set, each checked for its form."""

    @property
    def registry_secrets(self) -> frozenset[str]:
        """The names of the secrets that hold passwords of registries."""
        return frozenset(registry.password for registry in self.registries.values())

    @property
    def external_database(self) -> bool:
        """Whether the app uses a PostgreSQL outside the stack (config secret `database_url`)."""
        return "database_url" in self.secrets

    @property
    def images_in_use(self) -> dict[str, str]:
        """The images that the stack's containers are made from, by service: those of parts that it has."""
        has = {
            "postgres": not self.external_database,
            "object_store": self.has_object_store,
            "file_backups": self.has_file_backups,
            "redis": self.redis is not None,
            "cloudflared": self.tunnel is not None,
        }
        return {service: image for service, image in self.images if image is not None and has.get(service, True)}

    @property
    def served_hosts(self) -> list[str]:
        """The hosts that requests may be for, without repetitions."""
        published = self.nginx.publish.address
        names = [self.domain, *self.nginx.hosts]
        if self.tunnel is not None:
            administrators = self.tunnel.administrators
            names += [*self.tunnel.hostnames, *(administrators.hostnames if administrators else ())]
        elif published.is_loopback:
            names += ["localhost", str(published), "[::1]"]
        elif not published.is_unspecified:
            names.append(str(published))
        return [*dict.fromkeys(names)]

    @property
    def has_backups(self) -> bool:
        """Whether the stack takes backups: of its own PostgreSQL only."""
        return self.backup.enabled and not self.external_database

    @property
    def has_drills(self) -> bool:
        """Whether the stack tries its backups out by schedule."""
        return self.has_backups and self.backup.drill.enabled

    @property
    def has_file_backups(self) -> bool:
        """Whether the stack backs up its uploads and NATS' streams."""
        return self.has_backups and self.backup.files.enabled

    @property
    def has_object_store(self) -> bool:
        """Whether the stack has an object store: to keep its backups in, or objects of the app."""
        return self.has_own_repository or self.object_store.app_bucket is not None

    @property
    def has_own_repository(self) -> bool:
        """Whether the stack keeps its backups in its own object store."""
        return self.has_backups and self.backup.repository == "object_store"

    @property
    def object_lock_days(self) -> int | None:
        """Days for which what is in the bucket in AWS is locked; None where it isn't."""
        aws = self.backup.aws
        if aws is None or self.environment != "prod":
            return None
        return aws.object_lock_days or self.backup.needed_days

    @property
    def hsts(self) -> bool:
        """Whether browsers are told to come by HTTPS only: in dev it would keep them from every plain localhost."""
        return self.environment != "dev"

    @property
    def has_debug_ports(self) -> bool:
        """Whether a store publishes a port for the people on the host."""
        ports = (self.postgres.debug_port, self.nats.debug_port, self.nats.debug_monitor_port)
        return any(port is not None for port in ports)
