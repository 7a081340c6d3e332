//! When the provider is asked again. Pure.

use chrono::{DateTime, TimeDelta, Utc};

/// Late payments are looked for this long after our expiry; a webhook is acted on for ever.
const LATE_WINDOW: TimeDelta = TimeDelta::hours(48);
/// A payment that the provider has not settled by then is staff's business.
pub(super) const CLEARING_MAX: TimeDelta = TimeDelta::days(30);

/// When to ask next about an order that is not paid; `None` when it is no longer looked for.
///
/// A payer who has just paid stares at the page: often at first, less often later, and once exactly at the expiry.
pub(super) fn next_payment_poll(
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if now >= expires_at + LATE_WINDOW {
        return None;
    }
    let pause = if now < expires_at {
        match now - created_at {
            age if age < TimeDelta::minutes(2) => TimeDelta::seconds(5),
            age if age < TimeDelta::minutes(10) => TimeDelta::seconds(15),
            _ => TimeDelta::minutes(1),
        }
    } else if now < expires_at + TimeDelta::hours(1) {
        TimeDelta::minutes(2)
    } else {
        TimeDelta::minutes(30)
    };
    let next = now + pause;
    Some(if now < expires_at { next.min(expires_at) } else { next })
}

/// When to ask whether a payment has been settled; `None` when staff must.
pub(super) fn next_clearing_poll(paid_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let pause = match now - paid_at {
        age if age >= CLEARING_MAX => return None,
        age if age < TimeDelta::minutes(10) => TimeDelta::minutes(1),
        age if age < TimeDelta::days(1) => TimeDelta::hours(1),
        _ => TimeDelta::hours(12),
    };
    Some(now + pause)
}

/// When to ask about a refund that is under way: for ever, because it is somebody's money.
pub(super) fn next_refund_poll(created_at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    let pause = match now - created_at {
        age if age < TimeDelta::minutes(2) => TimeDelta::seconds(5),
        age if age < TimeDelta::minutes(15) => TimeDelta::seconds(30),
        age if age < TimeDelta::hours(2) => TimeDelta::minutes(2),
        age if age < TimeDelta::days(2) => TimeDelta::minutes(15),
        _ => TimeDelta::hours(1),
    };
    now + pause
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[test]
    fn a_payment_is_looked_for_often_then_rarely_then_no_more() {
        let (created, expires) = (at(0), at(900));
        let mut times = vec![created];
        while let Some(next) = next_payment_poll(created, expires, *times.last().unwrap()) {
            assert!(next > *times.last().unwrap());
            times.push(next);
        }
        let within = |from, to| times.iter().filter(|t| at(from) <= **t && **t < at(to)).count();
        assert_eq!(within(0, 120), 24);
        assert!(times.contains(&expires), "the expiry is not missed");
        assert_eq!(*times.last().unwrap(), expires + LATE_WINDOW + TimeDelta::zero());
        assert!(times.len() < 300);
    }

    #[test]
    fn a_clock_that_jumps_does_no_harm() {
        assert_eq!(next_payment_poll(at(0), at(900), at(-50)), Some(at(-45)));
        assert_eq!(next_payment_poll(at(0), at(900), at(10_000_000)), None);
        assert_eq!(next_clearing_poll(at(0), at(3_000_000)), None);
        assert!(next_refund_poll(at(0), at(90_000_000)) > at(90_000_000));
    }
}
