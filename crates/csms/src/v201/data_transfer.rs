//! DataTransfer: we know no vendor's extensions yet, and say so.

use ocpp::v201::data_transfer::{Request, Response, Status};

use super::{Context, HandlerError};

pub(super) async fn handle(_context: Context, _request: Request) -> Result<Response, HandlerError> {
    Ok(Response { status: Status::UnknownVendorId, status_info: None, data: None })
}
