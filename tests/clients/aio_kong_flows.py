"""What programs that use the Python client aio-kong do to an Admin API.

    aio_kong_flows.py URL

Creates, reads, lists in pages, updates and deletes through the client's own objects, applies documents (`apply_json`) twice, and
looks whether the second time changed nothing it should not have. Ends with an empty store and exit code 0.
"""

import asyncio
import sys

from kong.client import Kong, KongResponseError

DOCUMENT = {
    "services": [
        {
            "name": "shop",
            "host": "shop.test",
            "port": 8080,
            "routes": [
                {
                    "name": "shop",
                    "paths": ["/shop"],
                    "methods": ["GET"],
                    "plugins": [{"name": "correlation-id", "config": {"header_name": "X-Shop"}}],
                },
                {"name": "shop-hosts", "hosts": "shop.test"},
            ],
            "plugins": [{"name": "key-auth", "config": {"key_names": ["apikey"]}}],
        }
    ],
    "consumers": [
        {
            "username": "ann",
            "groups": ["readers", "writers"],
            "auths": [
                {"type": "key-auth", "config": {"key": "key-of-ann"}},
                {"type": "basic-auth", "config": {"username": "ann", "password": "secret"}},
            ],
        }
    ],
}


async def services_and_routes(kong):
    service = await kong.services.create(name="plain", host="plain.test", port=8080)
    assert service.name == "plain" and service.host == "plain.test" and service.protocol == "http"
    assert await kong.services.has("plain") and not await kong.services.has("nobody")
    same = await kong.services.update("plain", host="other.test")
    assert same.id == service.id and same.host == "other.test"
    route = await service.routes.create(paths=["/plain"], methods=["GET"])
    assert route["service"]["id"] == service.id
    assert len(await service.routes.get_list()) == 1
    plugin = await route.plugins.create(name="request-termination", config={"status_code": 418})
    assert plugin["config"]["status_code"] == 418 and plugin["route"]["id"] == route.id
    changed = await route.plugins.update(plugin.id, config={"message": "tea"})
    assert changed["config"]["message"] == "tea"
    await kong.services.delete("plain")
    assert not await kong.services.has("plain") and not await kong.routes.get_list()


async def refusals(kong):
    for attempt, status in [
        (kong.services.get("nobody"), 404),
        (kong.services.create(name="x", host="a b"), 400),
        (kong.plugins.create(name="no-such-plugin"), 400),
    ]:
        try:
            await attempt
        except KongResponseError as error:
            assert error.status == status, error
            assert error.message["message"], error
        else:
            raise AssertionError("it was not refused")


async def consumers(kong):
    ann = await kong.consumers.create(username="ann", custom_id="a-1")
    await ann.acls.create(group="readers")
    assert [acl["group"] for acl in await ann.acls.get_list()] == ["readers"]
    key = await ann.keyauths.create()
    assert len(key["key"]) == 32
    again = await ann.keyauths.get_or_create()
    assert again.id == key.id
    secret = await ann.jwts.create()
    assert secret["algorithm"] == "HS256" and len(secret["secret"]) == 32
    await ann.basicauths.create_or_update_credentials({"username": "ann", "password": "one"})
    first = (await ann.basicauths.get_list())[0]
    await ann.basicauths.create_or_update_credentials({"username": "ann", "password": "two"})
    second = (await ann.basicauths.get_list())[0]
    assert first.id == second.id and first["password"] != second["password"] != "two"
    await kong.consumers.delete("ann")
    assert not await kong.acls.get_list()


async def pages(kong):
    for number in range(7):
        await kong.consumers.create(username=f"one-of-many-{number}")
    names = {consumer.username async for consumer in kong.consumers.paginate(size=2)}
    assert names == {f"one-of-many-{number}" for number in range(7)}, names
    assert await kong.consumers.delete_all() == 7


async def certificates(kong, cert, key):
    certificate = await kong.certificates.create(cert=cert, key=key)
    await certificate.snis.create(name="shop.test")
    await kong.snis.apply_json({"name": "shop.test", "tags": ["a"]})
    sni = await kong.snis.get("shop.test")
    assert sni["certificate"]["id"] == certificate.id and sni["tags"] == ["a"]
    assert (await kong.certificates.get(certificate.id))["snis"] == ["shop.test"]
    await kong.certificates.delete(certificate.id)
    assert not await kong.snis.get_list()


async def documents(kong):
    await kong.apply_json(DOCUMENT)
    before = {consumer.id for consumer in await kong.consumers.get_list()}
    keys = (await kong.consumers.get("ann")).keyauths
    key = (await keys.get_list())[0]
    await kong.apply_json(DOCUMENT)
    assert {consumer.id for consumer in await kong.consumers.get_list()} == before
    assert [other.id for other in await keys.get_list()] == [key.id]
    assert {acl["group"] for acl in await kong.acls.get_list()} == {"readers", "writers"}
    routes = await kong.routes.get_list()
    assert {route.name for route in routes} == {"shop", "shop-hosts"}
    assert len(await kong.plugins.get_full_list()) == 2
    await kong.apply_json({"services": [{"name": "shop", "ensure": "absent"}]})
    assert not await kong.services.has("shop")


async def main(url, cert, key):
    async with Kong(url=url) as kong:
        await kong.delete_all()
        await services_and_routes(kong)
        await refusals(kong)
        await consumers(kong)
        await pages(kong)
        await certificates(kong, cert, key)
        await documents(kong)
        await kong.delete_all()
        assert not await kong.services.get_list() and not await kong.consumers.get_list()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], open(sys.argv[2]).read(), open(sys.argv[3]).read()))
