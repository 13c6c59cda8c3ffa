-- Networks, addresses held without an instance, the parameter plane, and images in the making.

-- What instances on record still name is only marked; the purge removes it with the last of them.
ALTER TABLE vpc ADD COLUMN deleted_at INTEGER;
ALTER TABLE image ADD COLUMN deleted_at INTEGER;

-- As a number: below it, no address of the subnet is free. A search for a free one begins here, however many are taken.
ALTER TABLE subnet ADD COLUMN search_from INTEGER NOT NULL DEFAULT 0;
CREATE INDEX subnet_of_vpc ON subnet (vpc_id, id);

-- The accelerators' network: one subnet for each rail.
CREATE TABLE parameter_plane_subnet (
    id          TEXT PRIMARY KEY,
    rail        INTEGER NOT NULL UNIQUE,
    cidr        TEXT NOT NULL,
    gateway     TEXT,
    mtu         INTEGER NOT NULL,
    reserved    TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    search_from INTEGER NOT NULL DEFAULT 0
) STRICT;

-- An address of a VPC belongs to an instance, is held by the project, or both; one of the parameter plane belongs to an
-- instance. The number is the address's, because as text .10 comes before .9.
CREATE TABLE new_reservation (
    address         TEXT NOT NULL,
    number          INTEGER NOT NULL,
    vpc_id          TEXT REFERENCES vpc (id) DEFERRABLE INITIALLY DEFERRED,
    subnet_id       TEXT REFERENCES subnet (id) DEFERRABLE INITIALLY DEFERRED,
    plane_subnet_id TEXT REFERENCES parameter_plane_subnet (id) DEFERRABLE INITIALLY DEFERRED,
    instance_id     TEXT REFERENCES instance (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    held_id         TEXT UNIQUE,
    held_by         TEXT,
    held_since      INTEGER,
    CHECK ((vpc_id IS NULL) = (subnet_id IS NULL)),
    CHECK ((subnet_id IS NULL) <> (plane_subnet_id IS NULL)),
    CHECK (instance_id IS NOT NULL OR (held_id IS NOT NULL AND held_by IS NOT NULL AND held_since IS NOT NULL))
) STRICT;

INSERT INTO new_reservation (address, number, vpc_id, subnet_id, instance_id)
SELECT
    address,
    (octets ->> 0) * 16777216 + (octets ->> 1) * 65536 + (octets ->> 2) * 256 + (octets ->> 3),
    vpc_id, subnet_id, instance_id
FROM (SELECT *, '[' || replace(address, '.', ',') || ']' AS octets FROM reservation);

DROP TABLE reservation;
ALTER TABLE new_reservation RENAME TO reservation;

-- An address has one owner within its VPC, and one in the whole parameter plane.
CREATE UNIQUE INDEX reservation_of_vpc ON reservation (vpc_id, address) WHERE vpc_id IS NOT NULL;
CREATE UNIQUE INDEX reservation_of_plane ON reservation (address) WHERE plane_subnet_id IS NOT NULL;
CREATE INDEX reservation_in_subnet ON reservation (subnet_id, number) WHERE subnet_id IS NOT NULL;
CREATE INDEX reservation_in_plane_subnet ON reservation (plane_subnet_id, number) WHERE plane_subnet_id IS NOT NULL;
CREATE INDEX reservation_of_instance ON reservation (instance_id) WHERE instance_id IS NOT NULL;
CREATE INDEX reservation_held ON reservation (held_by, held_id) WHERE held_by IS NOT NULL;

-- Whoever frees an address, the search finds it again.
CREATE TRIGGER reservation_freed AFTER DELETE ON reservation BEGIN
    UPDATE subnet SET search_from = old.number WHERE id = old.subnet_id AND search_from > old.number;
    UPDATE parameter_plane_subnet SET search_from = old.number
        WHERE id = old.plane_subnet_id AND search_from > old.number;
END;

-- An image that is being fetched, or could not be. It becomes an image of the same id.
CREATE TABLE image_import (
    id         TEXT PRIMARY KEY,
    project_id TEXT,
    by_project TEXT NOT NULL,
    name       TEXT NOT NULL,
    os_type    TEXT NOT NULL,
    url        TEXT NOT NULL,
    sha256     TEXT,
    status     TEXT NOT NULL,
    reason     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;
