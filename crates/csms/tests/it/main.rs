//! The stories of charge points, told over real WebSockets to a real PostgreSQL.

mod commands;
mod field_cases;
mod handshake;
mod house;
mod log;
mod sessions;
mod sockets;
