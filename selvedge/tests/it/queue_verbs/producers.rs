//! Producers.

use selvedge::sync::{PushError, Queue};

use super::outside;

#[test]
fn the_queue_closes_when_the_last_producer_goes_also_by_a_panic() {
    let queue = Queue::new();
    let (calm, panicking) = (queue.producer(), queue.producer().clone());
    let failed = outside(move || {
        panicking.push(1).unwrap();
        panic!("on purpose");
    });
    assert!(failed.join().is_err());
    assert!(!queue.is_closed());
    calm.push(2).unwrap();
    drop(calm);
    assert!(queue.is_closed());
    assert_eq!(queue.iter().collect::<Vec<_>>(), [1, 2]);
    let late = queue.producer();
    assert!(matches!(late.push(3), Err(PushError::Closed(3))));
}
