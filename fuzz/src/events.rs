//! Pages of events, as a broker may write them.

use absio_proto::wire::{EventAnswer, from_json};

/// Input: the first id that is wanted u8, how many are wanted u8 (255: no end), a reply's JSON. A page
/// that is accepted has only events that are wanted, in increasing order, each once, and leads on.
///
/// # Panics
/// If that does not hold.
pub fn page(data: &[u8]) {
    let [start, count, body @ ..] = data else { return };
    let start = u64::from(*start);
    let end = if *count == 255 { u64::MAX } else { start.saturating_add(u64::from(*count)) };
    let Ok(answer) = from_json::<EventAnswer>("events", body) else { return };
    let Ok(page) = answer.into_page(&(start..=end)) else { return };
    let ids: Vec<u64> = page.events.iter().map(|event| event.id).collect();
    assert!(ids.iter().all(|id| (start..=end).contains(id)), "an event was not asked for");
    assert!(ids.is_sorted_by(|first, second| first < second), "events are not in their order");
    assert!(page.next >= start && ids.iter().all(|id| *id < page.next || *id == u64::MAX));
    assert!(!page.more || page.next > start, "a page with more behind it leads nowhere");
    let again: EventAnswer =
        from_json("events", &absio_proto::wire::to_json(&EventAnswer::from(page.clone())))
            .expect("it is a page");
    assert_eq!(again.into_page(&(start..=end)).ok(), Some(page), "a page is another when it is written");
}

/// Good pages, and pages that go back, repeat, or lead nowhere.
pub fn page_seeds() -> Vec<Vec<u8>> {
    let event = |id: &str, more: &str| {
        format!(
            "{{\"id\":{id},\"action\":\"added\",\"type\":\"container\",\"date\":1767225600000,\"changes\":{{}}{more}}}"
        )
    };
    let page = |events: &[String], next: &str, more: bool| {
        let text = format!("{{\"events\":[{}],\"next\":{next},\"more\":{more}}}", events.join(","));
        [&[3, 20], text.as_bytes()].concat()
    };
    let long = ",\"client_app_name\":\"a\",\"container_id\":\"00000000-0000-4000-8000-000000000001\",\
                \"container_type\":\"letter\",\"container_modified_at\":5,\"container_expired_at\":9,\
                \"related_user_id\":\"00000000-0000-4000-8000-000000000002\"";
    let mut seeds = vec![
        page(&[event("3", ""), event("4", long), event("9", "")], "10", true),
        page(&[], "3", false),
        page(&[event("5", ""), event("4", "")], "6", false),
        page(&[event("5", ""), event("5", "")], "6", false),
        page(&[event("18446744073709551615", "")], "18446744073709551615", false),
        page(&[], "3", true),
    ];
    let mut endless = seeds[4].clone();
    endless[1] = 255;
    seeds.push(endless);
    seeds
}
