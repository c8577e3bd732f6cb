//! Two teams and an administrator.

use crate::{ids, own_request, request_for};
use end_to_end::{Environment, Role, Stage, Team, requests::unique};
use futures::join;

#[tokio::test]
async fn each_team_sees_and_deletes_its_own_and_an_administrator_sees_all() {
    let stage = Stage::set().await;
    let (one, other) = join!(Team::with(&stage, "ada"), Team::with(&stage, "grace"));
    let platform = Role::that_may_call(&stage, &format!("platform-{}", unique("one"))).await;
    let administrator = platform.calls_as("root-of-all").await;

    let (a, b) = (own_request(&unique("a")), own_request(&unique("b")));
    let created = join!(one.api.create(&a), other.api.create(&b));
    let (of_one, of_other) = (Environment(created.0.expect(202)), Environment(created.1.expect(202)));
    assert_eq!((&of_one.0["team"], &of_other.0["team"]), (&one.name.as_str().into(), &other.name.as_str().into()));

    for (team, mine, theirs) in [(&one, &of_one, &of_other), (&other, &of_other, &of_one)] {
        let listed = team.api.get("/environments?page_size=100").await.expect(200);
        assert_eq!(ids(&listed), [mine.id()], "the team's own and no other: {listed}");
        let by_name = team.api.get(&format!("/environments?team={}", team.name)).await.expect(200);
        assert_eq!(ids(&by_name), [mine.id()], "naming the own team changes nothing: {by_name}");
        team.api.read(mine.id()).await;
        team.api.get(&format!("/environments/{}", theirs.id())).await.problem(404, "NOT_FOUND");
        team.api.delete(theirs.id()).await.problem(404, "NOT_FOUND");
        let seen = administrator.get(&format!("/environments?team={}", team.name)).await.expect(200);
        assert_eq!(ids(&seen), [mine.id()], "an administrator sees every team's: {seen}");
        administrator.read(mine.id()).await;
    }

    one.api.at_rest(of_one.id()).await.must_be("ACTIVE");
    one.api.delete(of_one.id()).await.expect(202);
    one.api.at_rest(of_one.id()).await.must_be("DELETED");
    other.api.at_rest(of_other.id()).await.must_be("ACTIVE");
    other.api.get(&format!("/environments/{}", of_one.id())).await.problem(404, "NOT_FOUND");
    let ended = other.api.get("/environments?status=DELETED").await.expect(200);
    assert_eq!(ids(&ended), [""; 0], "nor is another team's past seen: {ended}");

    administrator.delete(of_other.id()).await.expect(202);
    other.api.at_rest(of_other.id()).await.must_be("DELETED");
    join!(one.dissolve(&stage), other.dissolve(&stage), platform.remove(&stage));
}

#[tokio::test]
async fn an_administrator_names_the_team_and_a_team_gets_what_was_made_for_it() {
    let stage = Stage::set().await;
    let team = Team::with(&stage, "ada").await;
    let platform = Role::that_may_call(&stage, &format!("platform-{}", unique("two"))).await;
    let administrator = platform.calls_as("carol").await;

    let unnamed = administrator.create(&own_request(&unique("whose"))).await;
    assert_eq!(unnamed.violations(), ["/team REQUIRED"], "{}", unnamed.text);
    let made = Environment(administrator.create(&request_for(&team.name, &unique("gift"))).await.expect(202));
    assert_eq!(ids(&team.api.get("/environments").await.expect(200)), [made.id()]);

    team.api.delete(made.id()).await.expect(202);
    team.api.at_rest(made.id()).await.must_be("DELETED");
    join!(team.dissolve(&stage), platform.remove(&stage));
}
