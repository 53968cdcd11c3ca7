-- Whose data it is, where somebody was signed in: for the export and the deletion of an account, and its quota of files. NULL: nobody's
-- account, or from before this was put down.
ALTER TABLE attendance ADD COLUMN account TEXT;
ALTER TABLE file ADD COLUMN account TEXT;

CREATE INDEX attendance_account ON attendance (account);
CREATE INDEX file_account ON file (account);
