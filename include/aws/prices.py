"""Hourly prices of instance types: AWS's price list, or a dated table, marked as such."""

from __future__ import annotations

import json
from typing import Any

from include.aws.problems import FAILURES, explain
from include.errors import ClusterError
from include.tariff import Tariff

PRICE_LIST_REGION = "us-east-1"  # region of the price service, which covers all regions

# On-demand Linux, USD per hour. hpc6a: the price used for run 6; the others: AWS's list as
# generated into the source of Karpenter on 2026-07-20, for this region only.
TABLE_DATE = "2026-07-20"
TABLE = {
    ("us-east-2", "hpc6a.48xlarge"): 2.88,
    ("us-east-2", "t3.medium"): 0.0416,
    ("us-east-1", "c5n.9xlarge"): 1.944,
    ("us-east-1", "c5n.18xlarge"): 3.888,
}
# Costs besides the nodes in any US region, from AWS's pages in 2026-11: the control plane of a
# Kubernetes version in standard support, a NAT gateway, its address.
OTHER_USD_PER_HOUR = 0.10 + 0.045 + 0.005


def from_table(
    *, instance_type: str, region: str, nodes: int, why: str = "estimate"
) -> Tariff | None:
    """The table's price, None if it has none; `why` the list was not used."""
    price = TABLE.get((region, instance_type))
    if price is None:
        return None
    source = f"table of {TABLE_DATE} in include/aws/prices.py, NOT AWS's price list ({why})"
    return _tariff(price, nodes=nodes, source=source)


def of_study(price: float, *, nodes: int) -> Tariff:
    """The price given by the study itself."""
    return _tariff(price, nodes=nodes, source="the study's cluster_options.hourly_price_usd")


def look_up(
    pricing: Any, *, instance_type: str, region: str, nodes: int, today: str
) -> Tariff | None:
    """The price from AWS's list, or from the table if the list has none; None without either."""
    try:
        price = _listed(pricing, instance_type=instance_type, region=region)
    except FAILURES as err:
        why = explain(err)
    except ClusterError as err:
        why = str(err)
    else:
        return _tariff(price, nodes=nodes, source=f"AWS's price list on {today}")
    return from_table(instance_type=instance_type, region=region, nodes=nodes, why=why)


def _tariff(price: float, *, nodes: int, source: str) -> Tariff:
    return Tariff(
        nodes=nodes,
        node_usd_per_hour=price,
        other_usd_per_hour=OTHER_USD_PER_HOUR,
        source=source,
    )


def _listed(pricing: Any, *, instance_type: str, region: str) -> float:
    """USD per hour, on demand; ClusterError unless the list has exactly one such price.

    Format: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html
    """
    wanted = {
        "instanceType": instance_type,
        "regionCode": region,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
    }
    filters = [
        {"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()
    ]
    answer = pricing.get_products(ServiceCode="AmazonEC2", Filters=filters, MaxResults=10)
    prices = {
        float(dimension["pricePerUnit"]["USD"])
        for product in answer["PriceList"]
        for term in json.loads(product)["terms"]["OnDemand"].values()
        for dimension in term["priceDimensions"].values()
        if "USD" in dimension["pricePerUnit"]
    } - {0.0}
    if len(prices) != 1:
        listed = ", ".join(f"{price:g}" for price in sorted(prices)) or "none"
        msg = f"the list has {listed} as the price of {instance_type} in {region}"
        raise ClusterError(msg)
    return prices.pop()
