-- Where connections are ordered: each draws its epoch when its credentials are looked at, before its handshake is answered. Whoever
-- hears the answer and connects again is therefore the newer one, whichever of the two is entered first.
create sequence connection_epoch;
select setval('connection_epoch', coalesce((select max(epoch) from charge_point), 0) + 1);
