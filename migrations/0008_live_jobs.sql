-- A job's status changes five times or more in its life. While an index held it, each change wrote every index of the
-- table anew. The jobs that live are few beside those that ever were: one of a status is found among them.

create index job_live on job (created_at desc, address desc) where not closed;
drop index job_status;
