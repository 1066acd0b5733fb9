"""The demonstration's messages: made-up debtors, the texts a Spanish-speaking lender sends."""

from __future__ import annotations

import csv
import random
from pathlib import Path

NAMES = (
    "Maria", "Jose", "Camila", "Begoña", "Andrés", "Sofia", "Diego", "Valentina", "Raúl", "Ximena",
    "Iñigo", "Lucia", "Martín", "Antonia", "Hernán", "Carolina",
)  # fmt: skip
TEXTS = {
    "recordatorio": (
        "Banco Ejemplo: {name}, su cuota de ${amount} vence el {day}/12. Pague en "
        "https://pago.example/{link}. Responda 1 Pagar, 2 Ya pague, 3 Recordar."
    ),
    "aviso": (
        "Banco Ejemplo: {name}, su cuota de ${amount} tiene 3 dias de atraso. Regularice hoy en "
        "https://pago.example/{link} o llame al 600 123 4567. Puede pedir un plan de pago o "
        "repactar en linea sin costo. Responda BAJA para no recibir mas SMS."
    ),
}
URGENT_TEXT = "Banco Ejemplo: {name}, su clave para pagar ${amount} es {code}. Vence en 10 minutos."


def write(path: Path, campaigns: dict[str, str], count: int, urgent: int, seed: int = 7) -> None:
    """Write ``count`` rendered messages as CSV, the last ``urgent`` of them for ``urgent``.

    ``campaigns`` has the ids of ``bulk`` and ``urgent``.
    """
    draw = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["to", "text", "campaign", "ref", "debtor", "transliterate"])
        for number in range(count):
            is_urgent = number >= count - urgent
            kind = "aviso" if draw.random() < 0.15 else "recordatorio"
            text = (URGENT_TEXT if is_urgent else TEXTS[kind]).format(
                name=draw.choice(NAMES),
                amount=f"{draw.randrange(5, 300)}.{draw.randrange(0, 999):03d}",
                day=f"{draw.randrange(1, 29):02d}",
                link=f"{draw.getrandbits(30):x}",
                code=f"{draw.randrange(0, 999_999):06d}",
            )
            campaign = campaigns["urgent" if is_urgent else "bulk"]
            to = f"+569{60_000_000 + number}"
            rows.writerow([to, text, campaign, f"demo-{number:06d}", f"D{number:06d}", "true"])
