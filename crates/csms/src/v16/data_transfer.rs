//! DataTransfer (1.6 § 4.3): we know no vendor's extensions yet, and say so.

use ocpp::v16::data_transfer::{Request, Response, Status};

use super::{Context, HandlerError};

pub(super) async fn handle(_context: Context, _request: Request) -> Result<Response, HandlerError> {
    Ok(Response { status: Status::UnknownVendorId, data: None })
}
