-- Pictures on whiteboards are files as well: of a board instead of a message. They stay as long as their board.
ALTER TABLE file ADD COLUMN board INTEGER REFERENCES board (id) ON DELETE CASCADE;

-- A board has the same bytes once.
CREATE UNIQUE INDEX file_picture ON file (board, sha256) WHERE board IS NOT NULL;
