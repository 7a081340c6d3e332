-- Events of charge points are kept for a time (server::serve) and then go, the oldest first.
create index charge_point_event_received on charge_point_event (received_at);
