-- What the API filters by, in the order in which it lists: a rare value is found without reading all rows.

create index job_node on job (node, created_at desc, address desc);
create index node_country on node (country, address);
