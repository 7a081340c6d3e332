//! SignCertificate in any version: signed by the private authority, and delivered by a command of its own.

use ocpp::Violation;
use platform::certificates::CertificatesError;

use crate::handler::{Context, HandlerError, of_stations};

/// Has the request signed and the certificate delivered. `Err` says why it is not: the charge point is told no, staff the reason.
pub(crate) async fn take(context: &Context, csr: &str) -> Result<Result<(), Violation>, HandlerError> {
    let (csms, charge_point) = (&context.csms.0, context.lease.charge_point);
    let signed = csms.certificates.sign(charge_point, csr, None).await;
    match signed {
        Ok(certificate) => {
            csms.charging.deliver_certificate(context.lease, &certificate.serial_number, certificate.pem).await?;
            Ok(Ok(()))
        }
        Err(CertificatesError::Stations(error)) => Err(of_stations(error)),
        Err(CertificatesError::Db(error)) => Err(platform::charging::ChargingError::Db(error).into()),
        Err(refused) => Ok(Err(Violation { path: "csr".into(), what: refused.to_string().into() })),
    }
}
