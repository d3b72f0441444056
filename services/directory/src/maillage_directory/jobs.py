"""Background jobs of the directory. Purges of the common tables are the queue's own."""

from maillage_common.jobs import JobQueue

queue = JobQueue("directory")
