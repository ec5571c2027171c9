-- In order of id. Takes no options; a lease lasts as long as its session.
return { type = 'fifo', options = {}, lanes = false, touch = false }
