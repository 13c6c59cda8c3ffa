-- How many networks a project may have, and what finds a subnet's neighbours without reading all of them.

-- What an operator had said of a project goes on; the configuration's row is written at each start.
ALTER TABLE quota ADD COLUMN vpcs INTEGER NOT NULL DEFAULT 50;
ALTER TABLE quota ADD COLUMN subnets INTEGER NOT NULL DEFAULT 200;

-- The network's address as a number, because as text .10 comes before .9. A VPC's subnets do not overlap: of those that begin
-- at or before an address, only the last can hold it.
ALTER TABLE subnet ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE subnet SET number = (
    SELECT (octets ->> 0) * 16777216 + (octets ->> 1) * 65536 + (octets ->> 2) * 256 + (octets ->> 3)
    FROM (SELECT '[' || replace(substr(subnet.cidr, 1, instr(subnet.cidr, '/') - 1), '.', ',') || ']' AS octets)
);
CREATE INDEX subnet_by_number ON subnet (vpc_id, number);
